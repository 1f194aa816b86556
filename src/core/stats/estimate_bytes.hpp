#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <vector>

#include "core/stats/beta.hpp"
#include "core/stats/factor_model.hpp"
#include "core/stats/volatility.hpp"
#include "core/text/bytes.hpp"

namespace pb::core {

// Estimates of symbols as bytes, so that one process can compute them for several. What is read back is what was
// written, to the last bit.
void write(ByteWriter& out, const std::vector<BetaFit>& fits);
void write(ByteWriter& out, const FactorFits& fits);
void write(ByteWriter& out, const std::vector<Volatility>& volatilities);

void read(ByteReader& in, std::vector<BetaFit>& fits);
void read(ByteReader& in, FactorFits& fits);
void read(ByteReader& in, std::vector<Volatility>& volatilities);

// Puts the estimates of some symbols to the indexes they have among all; those with a negative index are left out.
void scatter(const std::vector<BetaFit>& part, std::span<const int> indexes, std::vector<BetaFit>& all);
void scatter(const FactorFits& part, std::span<const int> indexes, FactorFits& all);
void scatter(const std::vector<Volatility>& part, std::span<const int> indexes, std::vector<Volatility>& all);

}  // namespace pb::core
