#!/bin/bash
# The report in a real browser, headless Chromium: it renders, light and dark and on paper, the console stays silent, no
# request leaves the page, and the numbers in the document are those of the tables. Skipped where there is no Chromium.

. "$(dirname "$0")/tap.bash"
plan 38

browser=
for name in chromium chromium-browser google-chrome; do
  browser=$(command -v "$name") && break
done
[ -n "$browser" ] ||
  skip_rest 'there is no chromium, chromium-browser or google-chrome; Debian has it in the package chromium'

# browse NAME PAGE [OPTION …]: opens a page in a browser of its own that resolves no name, so that neither the page nor
# the browser's own services reach anything. The log goes to NAME.log, that of the network to NAME.net.
browse() {
  local name=$1 page=$2
  shift 2
  HOME=$tap_folder timeout 90 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
    --user-data-dir="$tap_folder/$name.profile" --disable-background-networking --disable-component-update \
    --host-resolver-rules='MAP * ~NOTFOUND' --no-proxy-server --enable-logging=stderr --v=0 \
    --log-net-log="$tap_folder/$name.net" "$@" "file://$page" >"$tap_folder/$name.out" 2>"$tap_folder/$name.log"
}

# What a page said to the console, and what it asked for: the log has an event a line, and the requests that the browser
# makes for itself have no origin.
console() { grep CONSOLE "$tap_folder/$1.log" || true; }
requests() {
  grep '"initiator":' "$tap_folder/$1.net" | grep -v '"initiator":"not an origin"' | grep -oE '"url":"[^"]*"' |
    sort -u || true
}

# The color of the first pixel of a PNG, which no filter changes, as hexadecimal digits; its width and height.
first_pixel() {
  perl -MCompress::Zlib -e '
    local $/; my $png = <STDIN>; my ($at, $data) = (8, "");
    while ($at < length $png) {
      my ($size, $kind) = unpack("N a4", substr($png, $at, 8));
      $data .= substr($png, $at + 8, $size) if $kind eq "IDAT";
      $at += 12 + $size;
    }
    print unpack("H6", substr(uncompress($data), 1, 3))' <"$1"
}
dimensions() { perl -e 'local $/; print join("x", unpack("NN", substr(<STDIN>, 16, 8)))' <"$1"; }

begin_cluster
sql 'CREATE EXTENSION portfolio_batch' 'SELECT FROM create_analytics_tables()' \
  "SELECT FROM load_sample_data(portfolios => 2, positions => 14, sessions => 30, last_session => '2026-11-20')" \
  "UPDATE portfolios SET name = '<script>alert(1)</script>' WHERE name ~ '^Sample 2'" \
  "SET portfolio_batch.progress = off; SELECT FROM run_daily_batch_with_backfill('2026-11-20')" >/dev/null
id=$(sql "SELECT id FROM portfolios WHERE name ~ 'script'")
page=$tap_folder/report.html
sql "SELECT portfolio_report('$id')" >"$page"
sed 's/<meta http-equiv[^>]*>//' "$page" >"$tap_folder/without_policy.html"
# A page that does what the report must not do: the checks below have to see it.
cat >"$tap_folder/control.html" <<'HTML'
<!DOCTYPE html><html><body><script>console.error("seen")</script><img src="http://127.0.0.1:9/image.png"></body></html>
HTML

browse document "$page" --dump-dom &
browse control "$tap_folder/control.html" --dump-dom &
browse without_policy "$tap_folder/without_policy.html" --dump-dom &
wait
browse light "$page" --window-size=1200,2400 --screenshot="$tap_folder/light.png" &
browse dark "$page" --window-size=1200,2400 --force-dark-mode --screenshot="$tap_folder/dark.png" &
browse paper "$page" --no-pdf-header-footer --print-to-pdf="$tap_folder/report.pdf" &
wait

# Silence ------------------------------------------------------------------------------------------------------------

like "$(console control)" 'seen' 'what a page says to the console is seen'
like "$(requests control)" '"http://127.0.0.1:9/image.png"' 'and what it asks for'
for name in document without_policy light dark paper; do
  is "$(console $name)" '' "$name: the console stays silent"
  is "$(requests $name)" '' "$name: no request leaves the page"
done

# The document -------------------------------------------------------------------------------------------------------

dom=$tap_folder/document.out
is "$(grep -c '<section ' "$dom")" 10 'all sections are in the document'
like "$(cat "$dom")" '<h1 data-metric="name">&lt;script&gt;alert\(1\)&lt;/script&gt;</h1>' 'the name is shown as text'
unlike "$(cat "$dom")" '<script' 'there is no script'

# numbers NAME PATTERN QUERY: what the pattern finds in the document is what the query says, in any order.
numbers() {
  local wanted
  wanted=$(sql "$3" | LC_ALL=C sort)
  is "$(grep -oE "$2" "$dom" | LC_ALL=C sort)" "$wanted" "$1: the document has the numbers of the tables"
  holds "$(wc -l <<<"$wanted")" '>=' "${4:-1}" "$1: there are some"
}
of_portfolio="portfolio_id = '$id' AND calculation_date = '2026-11-20'"

metrics='total_value|daily_pnl|mtd_pnl|ytd_pnl|cash_value|beta|hhi|realized_volatility_63d'
numbers 'key figures' "<data data-metric=\"($metrics)\" value=\"[^\"]*\"" \
  "SELECT format('<data data-metric=\"%s\" value=\"%s\"', v.metric, v.value) FROM portfolio_snapshots s,
     LATERAL (VALUES ('total_value', total_value::text), ('daily_pnl', daily_pnl::text), ('mtd_pnl', mtd_pnl::text),
                     ('ytd_pnl', ytd_pnl::text), ('cash_value', cash_value::text), ('beta', beta::text),
                     ('hhi', hhi::text), ('realized_volatility_63d', realized_volatility_63d::text)) v (metric, value)
   WHERE portfolio_id = '$id' AND snapshot_date = '2026-11-20'" 8
is "$(grep -oE 'data-metric="total_value"[^>]*>[^<]*' "$dom" | sed 's/.*>//')" \
  "$(sql "SELECT to_char(total_value, 'FM999,999,990.00') FROM portfolio_snapshots
          WHERE portfolio_id = '$id' AND snapshot_date = '2026-11-20'")" 'net asset value as people read it'
numbers 'equity curve' '<tr data-date="[^"]*" data-value="[^"]*"' \
  "SELECT format('<tr data-date=\"%s\" data-value=\"%s\"', snapshot_date, total_value) FROM portfolio_snapshots
   WHERE portfolio_id = '$id'" 30
numbers 'factor betas' 'data-model="[a-z]*" data-factor="[a-z_]*" data-exposure="[^"]*"' \
  "SELECT format('data-model=\"%s\" data-factor=\"%s\" data-exposure=\"%s\"', model, factor, exposure_value)
   FROM portfolio_factor_exposures WHERE $of_portfolio AND model IN ('ridge', 'spread') AND factor <> 'specific'" 12
numbers 'risk contributions' 'data-risk="[a-su-z][a-z_]*" data-share="[^"]*" data-contribution="[^"]*"' \
  "SELECT format('data-risk=\"%s\" data-share=\"%s\" data-contribution=\"%s\"', factor, percent_contribution_to_risk,
                 contribution_to_risk)
   FROM portfolio_factor_exposures WHERE $of_portfolio AND model IN ('ridge', 'spread')" 14
numbers 'correlations' 'data-correlation="[^"]*"' \
  "SELECT format('data-correlation=\"%s\"', correlation_coefficient) FROM pairwise_correlations WHERE $of_portfolio" 91
numbers 'stress tests' 'data-scenario="[^"]*" data-direct="[^"]*" data-correlated="[^"]*"' \
  "SELECT format('data-scenario=\"%s\" data-direct=\"%s\" data-correlated=\"%s\"', scenario_id, direct_pnl,
                 correlated_pnl)
   FROM stress_test_results WHERE $of_portfolio" 22

# What is seen -------------------------------------------------------------------------------------------------------

for name in light dark; do
  is "$(dimensions "$tap_folder/$name.png")" 1200x2400 "$name: a picture"
  holds "$(wc -c <"$tap_folder/$name.png")" '>' 100000 "$name: with something on it"
done
is "$(first_pixel "$tap_folder/light.png")" f3f4f6 'light: on a light ground'
is "$(first_pixel "$tap_folder/dark.png")" 10151b 'dark: on a dark ground'
is "$(head -c 5 "$tap_folder/report.pdf")" '%PDF-' 'paper: a PDF'
holds "$(wc -c <"$tap_folder/report.pdf")" '>' 50000 'paper: with something on it'
holds "$(grep -acE '/Type */Page($|[^s])' "$tap_folder/report.pdf")" '>=' 4 'paper: on several pages'
holds "$(grep -acE '/Type */Page($|[^s])' "$tap_folder/report.pdf")" '<=' 12 'paper: but not on too many'

done_testing
