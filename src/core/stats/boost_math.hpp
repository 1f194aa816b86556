// How Boost.Math is compiled: include this before any of its headers.
#pragma once
#include "core/no_postgres.hpp"

#include <boost/version.hpp>

// As constant expressions, the tables of Boost.Math are copied to the stack by every call that looks one number up.
// Later versions declare functions as such whatever is asked for.
#if BOOST_VERSION < 108400
#define BOOST_NO_CXX14_CONSTEXPR
#endif
