#include "fuzz_providers.hpp"

#include "collect/provider/json_tree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto tree = pb::collect::JsonTree::read(bytes);
  if (!tree) return 0;
  std::vector<const pb::collect::JsonTree*> left{&*tree};
  while (!left.empty()) {
    const pb::collect::JsonTree& node = *left.back();
    left.pop_back();
    node.integer();
    node.day();
    const auto text = node.text();
    if (text && text->find(char()) != std::string::npos) std::abort();
    if (node.digits() && !node.number()) std::abort();
    for (const auto& element : node.elements()) left.push_back(&element);
    for (const auto* value : node.values()) left.push_back(value);
  }
  return 0;
}
