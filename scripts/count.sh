# shellcheck shell=bash
# Shared by scripts/test: how many of the tests that a suite has ran, and what came of them. Source it; do not run it.
# The number a suite has comes from its sources, never from the run. Results are files of lines "ok", "not ok" or
# "skipped", a tab, and the name of the test or the reason.

PB_PASSED=0
PB_FAILED=0
PB_SKIPPED=0

# sum: of the numbers on standard input, one a line.
sum() { awk '{ n += $1 } END { print n + 0 }'; }

# tally SUITE NUMBER RESULTS STATUS: says what failed, what was skipped and why, and what is missing of the NUMBER of
# tests; the last line is the sum. A test that did not run has failed, and one that nobody counted has too. So has a
# suite whose command ends with another STATUS than 0.
tally() {
  local suite=$1 has=$2 results=$3 status=$4 passed failed skipped
  passed=$(grep -c '^ok' "$results" || true)
  failed=$(grep -c '^not ok' "$results" || true)
  skipped=$(grep -c '^skipped' "$results" || true)
  sed -n 's/^not ok\t/  failed: /p' "$results"
  sed -n 's/^skipped\t//p' "$results" | sort | uniq -c | sed -E 's/^ *([0-9]+) /  \1 skipped: /'
  local missing=$((has - passed - failed - skipped))
  [ "$missing" -le 0 ] || say "  $missing of $has tests did not run"
  [ "$missing" -ge 0 ] || say "  $((-missing)) more tests ran than the $has that the sources have"
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ] && [ "$missing" -eq 0 ]; then
    say "  failed with status $status beside its tests"
    failed=1
  fi
  say "$suite: $passed of $has tests passed, $skipped skipped"
  PB_PASSED=$((PB_PASSED + passed))
  PB_FAILED=$((PB_FAILED + failed + (missing < 0 ? -missing : missing)))
  PB_SKIPPED=$((PB_SKIPPED + skipped))
}

# The sum over all suites; fails when any test failed or did not run.
total() {
  say "$PB_PASSED passed, $PB_FAILED failed, $PB_SKIPPED skipped"
  [ "$PB_FAILED" -eq 0 ]
}

# lint: each call of forbid is a test.
lint_tests() { grep -cE "^ *forbid '" "$PB_ROOT/test/lint/rules"; }
lint_results() { sed -nE 's/^(ok|not ok|skipped) - /\1\t/p'; }

# core_tests BUILD: what ctest lists; and each registration in the sources that it does not list, under any parameter.
core_tests() {
  local listed names
  listed=$(ctest --test-dir "$1" -N | sed -n 's/^ *Test *#[0-9]*: //p')
  names=$(printf '%s\n' "$listed" | sed -E 's/^[^.]*\.(.*\/)?([^./]+\.[^./ ]+).*/\2/' | sort -u)
  {
    printf '%s\n' "$listed" | wc -l
    sed -nE 's/^TEST(_F|_P)?\(([A-Za-z0-9_]+), *([A-Za-z0-9_]+)\).*/\2.\3/p' "$PB_ROOT"/test/{core,collect}/*.cpp |
      sort -u |
      comm -23 - <(printf '%s\n' "$names") | wc -l
    (cd "$PB_ROOT/src" && printf '%s\n' core/*.hpp {core,collect}/*/*.[ch]pp) | sort |
      comm -23 - <(printf '%s\n' "$listed" | sed -n 's/^server_header_refused\.//p' | sort) | wc -l
  } | sum
}

# core_results FILE: of the report of ctest in JUnit's format. The reason of a skipped test is what it printed last.
core_results() {
  perl -0777 -ne '
    while (/<testcase name="([^"]*)"[^>]*? status="(\w+)"[^>]*?(?:\/>|>.*?<\/testcase>)/gs) {
      my ($name, $status, $case) = ($1, $2, $&);
      my ($reason) = $status eq "disabled" ? "disabled" : $case =~ /: Skipped\n([^\n]*)\n/;
      my $line = $status eq "run" ? "ok\t$name" : $status eq "fail" ? "not ok\t$name"
        : "skipped\t" . ($reason // $name);
      s/&lt;/</g, s/&gt;/>/g, s/&quot;/"/g, s/&apos;/\x27/g, s/&amp;/&/g for $line;
      print "$line\n";
    }' "$1"
}

# regress_tests, isolation_tests: one a file of expected output, one a specification.
regress_tests() { printf '%s\n' "$PB_ROOT"/expected/*.out | grep -vcE '_[0-9]\.out$'; }
isolation_tests() { printf '%s\n' "$PB_ROOT"/test/isolation/specs/*.spec | wc -l; }

# regress_results: of what pg_regress prints, to 15 and from 16 on.
regress_results() {
  sed -nE 's/^(test| ) +([^ ]+) +\.\.\. ok .*/ok\t\2/p; s/^(test| ) +([^ ]+) +\.\.\. (FAILED|failed) .*/not ok\t\2/p
           s/^((not )?ok) +[0-9]+ +[-+] +([^ ]+).*/\1\t\3/p'
}

# pgtap_tests, tap_tests PROGRAM …: what the files and programs plan.
pgtap_tests() { sed -nE 's/^SELECT plan\(([0-9]+)\);$/\1/p' "$PB_ROOT"/test/pgtap/*.sql | sum; }
tap_tests() {
  local program
  for program in "$@"; do PB_PLAN_ONLY=1 bash "$program"; done | sed -n 's/^1\.\.//p' | sum
}
