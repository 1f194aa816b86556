// Symbols: their classes, what providers call them, and options in every accepted spelling.
#include "collect/provider/symbols.hpp"

#include <gtest/gtest.h>

#include <random>

namespace symbols_test {

namespace {

using pb::collect::class_of;
using pb::collect::looks_private;
using pb::collect::option_in;
using pb::collect::OptionSymbol;
using pb::collect::provider_symbol;
using pb::collect::SymbolClass;

std::string at(const char* provider, const char* symbol) { return provider_symbol(provider, symbol).value_or("none"); }

TEST(Symbols, ClassesFollowFromTheForm) {
  EXPECT_EQ(SymbolClass::equity, class_of("ZZTA"));
  EXPECT_EQ(SymbolClass::equity, class_of("BRK.B"));
  EXPECT_EQ(SymbolClass::equity, class_of("BAC.PRK"));
  EXPECT_EQ(SymbolClass::equity, class_of("BTC"));  // a fund of the exchange, not the currency
  EXPECT_EQ(SymbolClass::equity, class_of("EQIX"));
  EXPECT_EQ(SymbolClass::fund, class_of("VTSAX"));
  EXPECT_EQ(SymbolClass::index, class_of("^GSPC"));
  EXPECT_EQ(SymbolClass::crypto, class_of("BTC-USD"));
  EXPECT_EQ(SymbolClass::fx, class_of("EURUSD"));
  EXPECT_EQ(SymbolClass::fx, class_of("EURUSD=X"));
  EXPECT_EQ(SymbolClass::foreign_listing, class_of("VOD.L"));
  EXPECT_EQ(SymbolClass::foreign_listing, class_of("7203.T"));
  EXPECT_EQ(SymbolClass::foreign_listing, class_of("RY.TO"));
  EXPECT_EQ(SymbolClass::option, class_of("ZZTA  250117C00150000"));
  EXPECT_EQ(SymbolClass::private_asset, class_of("HOME_EQUITY"));
  for (const char* bad : {"", "../etc", "A/B", "A..B", "A?B", "A&B", "A%2FB", "a", "A B", "A\nB", "http://x", "A#B",
                          ".", "^", "-", "A.", "X:BTCUSD", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"}) {
    EXPECT_EQ(std::nullopt, class_of(bad)) << bad;
    for (const char* provider : {"yahoo", "fmp", "polygon", "tiingo"}) EXPECT_EQ("none", at(provider, bad)) << bad;
  }
}

TEST(Symbols, ProvidersHaveNamesOfTheirOwn) {
  struct Names {
    const char *ours, *yahoo, *fmp, *polygon, *tiingo;
  };
  for (const Names& n : {Names{"ZZTA", "ZZTA", "ZZTA", "ZZTA", "ZZTA"},
                         {"BRK.B", "BRK-B", "BRK-B", "BRK.B", "BRK-B"},
                         {"BAC.PRK", "BAC-PK", "BAC-PK", "BACpK", "BAC-P-K"},
                         {"XYZ.WS", "XYZ-WT", "XYZ-WT", "XYZ.WS", "XYZ-WS"},
                         {"XYZ.U", "XYZ-UN", "XYZ-UN", "XYZ.U", "XYZ-U"},
                         {"XYZ.RT", "XYZ-RI", "XYZ-RI", "XYZr", "XYZ-RT"},
                         {"^GSPC", "^GSPC", "^GSPC", "I:SPX", "none"},
                         {"^VIX", "^VIX", "^VIX", "I:VIX", "none"},
                         {"BTC-USD", "BTC-USD", "BTCUSD", "X:BTCUSD", "none"},
                         {"EURUSD", "EURUSD=X", "EURUSD", "C:EURUSD", "none"},
                         {"ZZTA  250117C00150000", "ZZTA250117C00150000", "none", "O:ZZTA250117C00150000", "none"},
                         {"VOD.L", "VOD.L", "VOD.L", "none", "none"},
                         {"7203.T", "7203.T", "7203.T", "none", "none"},
                         {"VTSAX", "VTSAX", "VTSAX", "none", "VTSAX"},
                         {"HOME_EQUITY", "none", "none", "none", "none"}}) {
    EXPECT_EQ(n.yahoo, at("yahoo", n.ours)) << n.ours;
    EXPECT_EQ(n.fmp, at("fmp", n.ours)) << n.ours;
    EXPECT_EQ(n.polygon, at("polygon", n.ours)) << n.ours;
    EXPECT_EQ(n.tiingo, at("tiingo", n.ours)) << n.ours;
  }
}

TEST(Symbols, PrivateAssetsAreToldFromShares) {
  for (const char* symbol : {"FO_1234", "EQ_ALPHA", "EQ5D6A2D8F", "EQ0123456789", "A16Z_VC_FUND", "RENTAL_SFH"})
    EXPECT_TRUE(looks_private(symbol)) << symbol;
  for (const char* symbol : {"EQIX", "EQT", "EQNR", "EQ", "ZZTA_011725C150", "BRK.B", "BX"})
    EXPECT_FALSE(looks_private(symbol)) << symbol;
}

TEST(Symbols, OptionsAreReadInEverySpelling) {
  const OptionSymbol wanted{"AAPL", pb::core::from_iso("2025-01-17").value(), true, 150000};
  for (const char* text :
       {"AAPL250117C00150000", "AAPL  250117C00150000", "O:AAPL250117C00150000", "AAPL_011725C150", ".AAPL250117C150",
        "-AAPL250117C150", ".AAPL250117C150.0", "AAPL 2025-01-17 150C", "-AAPL250117C00150000"})
    EXPECT_EQ(wanted, option_in(text)) << text;
  EXPECT_EQ((OptionSymbol{"SPY", pb::core::from_iso("2025-09-19").value(), false, 460500}),
            option_in("SPY 2025-09-19 460.5P"));
  EXPECT_EQ("GE1", option_in("GE1   240119P00010000").value().root);
  for (const char* text : {"",
                           "250117C00150000",
                           "AAPL250230C00150000",
                           "AAPL250117X00150000",
                           "AAPL250117C00000000",
                           "AAPL251317C00150000",
                           "1AAPL250117C00150000",
                           "AAPLXYZ250117C00150000",
                           "AAPL 250117C00150000",
                           "A PL  250117C00150000",
                           "aapl250117C00150000",
                           "AAPL_011725C",
                           "AAPL_011725C150.1234",
                           ".AAPL250117C",
                           "AAPL 2025-01-17 C",
                           "AAPL 1925-01-17 150C",
                           "AAPL 2125-01-17 150C",
                           "AAPL 2025-01-17 150",
                           "_011725C150",
                           "O:AAPL",
                           "AAPL250117C0015000A",
                           ".AAPL250117C123456"})
    EXPECT_EQ(std::nullopt, option_in(text)) << text;
}

TEST(Symbols, WhatIsWrittenIsReadBack) {
  std::mt19937_64 random(20250117);
  const auto pick = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  for (int i = 0; i < 20000; ++i) {
    OptionSymbol option;
    option.root += static_cast<char>('A' + pick(0, 25));
    for (auto more = pick(0, 5); more > 0; --more) {
      const auto c = pick(0, 35);
      option.root += static_cast<char>(c < 26 ? 'A' + c : '0' + c - 26);
    }
    option.expiry = pb::core::from_iso("2000-01-01").value() + std::chrono::days{pick(0, 36524)};
    option.is_call = pick(0, 1) == 1;
    option.strike_thousandths = pick(1, 99'999'999);
    ASSERT_EQ(option, option_in(option.compact())) << option.compact();
    ASSERT_EQ(option, option_in(option.padded())) << option.padded();
    ASSERT_EQ(21u, option.padded().size());
    ASSERT_EQ(SymbolClass::option, class_of(option.padded()));
    ASSERT_EQ(option.compact(), at("yahoo", option.padded().c_str()));
  }
}

TEST(Symbols, OptionsKnowWhatTheyAreOn) {
  const auto on = [](const char* text) { return option_in(text).value().underlying(); };
  EXPECT_EQ("^SPX", on("SPXW250117C05000000"));
  EXPECT_EQ("^VIX", on("VIXW250117C00020000"));
  EXPECT_EQ("^NDX", on("NDXP250117C20000000"));
  EXPECT_EQ("^RUT", on("RUTW250117C02000000"));
  EXPECT_EQ("BRK.B", on("BRKB250117C00450000"));
  EXPECT_EQ("AAPL", on("AAPL7250117C00150000"));
  EXPECT_EQ("ZZTA", on("ZZTA250117C00150000"));
  EXPECT_EQ("2015-01-16", pb::core::to_iso(option_in("ZZTA150117C00010000").value().last_day()));
  EXPECT_EQ("2025-01-17", pb::core::to_iso(option_in("ZZTA250117C00010000").value().last_day()));
}

}  // namespace
}  // namespace symbols_test
