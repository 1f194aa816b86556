#!/bin/bash
# The examples of docs/*.md really give what the documents show. Every ```sql block runs in the order of the document,
# in one psql session on an empty database of its own. Where the next fenced block is ```text, what psql says must be
# that, but for blanks at the ends of lines; where there is none, psql must not complain. Other fenced blocks are left
# alone.
# Documents may be named as arguments.

. "$(dirname "$0")/tap.bash"

# split_document FILE FOLDER: writes the blocks to FOLDER/N.sql and FOLDER/N.text, and the number of the line on which
# each begins to FOLDER/N.line. A fence that is not closed gives FOLDER/open.
split_document() {
  awk -v folder="$2" '
    function finish() { if (file != "") close(file); file = "" }
    !inside && /^```/ {
      inside = NR; language = substr($0, 4)
      if (language == "sql") {
        block++; file = folder "/" block ".sql"; waiting = 1
        print NR > (folder "/" block ".line"); close(folder "/" block ".line")
      } else if (language == "text" && waiting) {
        file = folder "/" block ".text"; waiting = 0
      } else {
        waiting = 0
      }
      if (file != "") printf "" > file
      next
    }
    inside && $0 == "```" { inside = 0; finish(); next }
    inside && file != "" { print > file }
    END { if (inside) print inside > (folder "/open") }' "$1"
}

# ends_a_statement FILE: whether psql has nothing left to wait for after the block.
ends_a_statement() {
  sed -e '/^[[:space:]]*$/d' -e '/^[[:space:]]*--/d' "$1" | tail -n 1 |
    grep -Eq ';[[:space:]]*(--.*)?$|^[[:space:]]*\\|\\g[a-z]*[^;]*$'
}

# run_document FOLDER BLOCKS: runs the blocks in one session; what psql says of block N goes to FOLDER/N.out.
# Output and errors go to one place, so psql must not hold back either.
run_document() {
  local folder=$1 blocks=$2 block
  for ((block = 1; block <= blocks; block++)); do
    printf '\\echo block %d of the document\n' "$block"
    cat "$folder/$block.sql"
  done >"$folder/all.sql"
  stdbuf -oL psql -Xq <"$folder/all.sql" >"$folder/all.out" 2>&1 || return 1
  awk -v folder="$folder" '
    /^block [0-9]+ of the document$/ {
      if (file != "") close(file)
      file = folder "/" $2 ".out"
      printf "" > file
      next
    }
    file != "" { print > file }' "$folder/all.out"
}

# psql pads headers with blanks and ends each result with an empty line; the documents need neither.
without_padding() { sed -e 's/[[:space:]]*$//' "$1" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

check_block() {
  local folder=$1 block=$2 name=$3 status=0 difference
  if [ ! -f "$folder/$block.out" ]; then
    report 1 "$name" 'psql never came to this block: is there an open quote or parenthesis before it?'
  elif ! ends_a_statement "$folder/$block.sql"; then
    report 1 "$name" 'the block does not end a statement'
  elif [ -f "$folder/$block.text" ]; then
    difference=$(diff <(without_padding "$folder/$block.text") \
      <(without_padding "$folder/$block.out")) || status=1
    report "$status" "$name" 'the document (<) against psql (>):' "$difference"
  else
    # An error of the server or of psql itself.
    difference=$(grep -E -A 3 '^(ERROR|FATAL|PANIC):|^invalid command|^(\\[a-z_]+|psql|/.*): ' "$folder/$block.out") ||
      status=1
    report "$((1 - status))" "$name" "$difference"
  fi
}

check_document() {
  local document=$1 name folder blocks block status=0
  name=$(basename "$document")
  folder=$tap_folder/$name
  mkdir "$folder"
  split_document "$document" "$folder"
  blocks=$(find "$folder" -name '*.sql' | wc -l)
  [ "$blocks" -gt 0 ] && [ ! -f "$folder/open" ] || status=1
  report "$status" "$name has examples" "$blocks blocks" "fence without an end: $(cat "$folder/open" 2>/dev/null)"
  [ "$status" -eq 0 ] || return 0
  sql "CREATE DATABASE \"$name\""
  PGDATABASE=$name run_document "$folder" "$blocks" || status=1
  report "$status" "$name: the session lasts" "$(tail -n 5 "$folder/all.out")"
  for ((block = 1; block <= blocks; block++)); do
    check_block "$folder" "$block" "$name, line $(cat "$folder/$block.line")"
  done
}

documents=("$@")
[ $# -gt 0 ] || documents=("$PB_ROOT"/docs/*.md)
[ -f "${documents[0]}" ] || die "no documents"
# Two tests a document and one a block. Counted is whatever looks like the beginning of a block, so that a fence that is
# not taken for one is a test that did not run.
blocks=$(cat "${documents[@]}" | grep -ciE '^[[:space:]]*(```|~~~)+[[:space:]]*(sql|psql|pgsql|postgres)' || true)
plan $((2 * ${#documents[@]} + blocks))

begin_cluster
for document in "${documents[@]}"; do check_document "$document"; done
done_testing
