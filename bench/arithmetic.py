"""The arithmetic of the risk engines on whole matrices: sessions in rows, symbols in columns."""
import numpy as np
import scipy.cluster.hierarchy
import scipy.special
import scipy.stats
from scipy.spatial.distance import squareform

YEAR = 252
WINDOW = 252
LIMITED_BELOW = 126
HALF_LIFE = 63.0


def search_span(window):
    return (3 * window + 1) // 2


# ---- regressions -----------------------------------------------------------------------------------------------------

class Fits:
    """A model's fits of all symbols; NaN where there is none."""

    def __init__(self, factors, symbols):
        nothing = lambda *shape: np.full(shape, np.nan)
        self.betas, self.errors = nothing(factors, symbols), nothing(factors, symbols)
        self.t, self.p = nothing(factors, symbols), nothing(factors, symbols)
        for name in ("alpha", "r_squared", "adj_r_squared", "residual_sd", "df", "condition", "max_vif"):
            setattr(self, name, nothing(symbols))
        self.observations = np.zeros(symbols, int)
        self.first, self.last = np.full(symbols, -1), np.full(symbols, -1)

    @property
    def estimated(self):
        return np.isfinite(self.alpha)

    @property
    def residual_volatility(self):
        return self.residual_sd * np.sqrt(YEAR)


def samples(returns, complete, session, window=WINDOW):
    """Symbols that use the same sessions, the newest on which factors and symbol all have returns: (sessions, symbols)
    of each group."""
    first = max(0, session + 1 - search_span(window))
    usable = np.isfinite(returns[first:session + 1]) & complete[first:session + 1, None]
    newest = usable[::-1].cumsum(axis=0)[::-1] <= window
    used = usable & newest
    if (used == used[:, :1]).all():
        yield first + np.flatnonzero(used[:, 0]), np.arange(returns.shape[1])
        return
    packed = np.ascontiguousarray(np.packbits(used, axis=0).T)
    keys, group = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_inverse=True)
    for k in range(len(keys)):
        members = np.flatnonzero(group == k)
        yield first + np.flatnonzero(used[:, members[0]]), members


def newey_west(influence, residuals, residual_df):
    """Errors of b = influence y for all symbols: a product of lagged residuals serves every coefficient, so that the
    sums over sessions are matrix products."""
    n = len(residuals)
    lags = int(4.0 * (n / 100.0) ** (2.0 / 9.0))
    total = influence**2 @ residuals**2
    for lag in range(1, lags + 1):
        weight = 2.0 * (1.0 - lag / (lags + 1.0))
        total += weight * ((influence[:, lag:] * influence[:, :-lag]) @ (residuals[lag:] * residuals[:-lag]))
    return np.sqrt(total * n / residual_df)


def collinearity(x):
    """Condition number of [1, x] with columns of unit length, and the largest variance inflation factor."""
    design = np.column_stack([np.ones(len(x)), x])
    singular = np.linalg.svd(design / np.linalg.norm(design, axis=0), compute_uv=False)
    inflation = np.nan
    if x.shape[1] > 1:
        inflation = np.diag(np.linalg.inv(np.corrcoef(x, rowvar=False))).max()
    return singular[0] / singular[-1], inflation


def describe(fits, members, sessions, x, y, coefficients, influence, df):
    """Puts a group's numbers in their places; rows of influence are the regressors' alone."""
    n = len(y)
    residuals = y - coefficients[0] - x @ coefficients[1:]
    residual_df = n - 1 - df
    rss = np.einsum("ts,ts->s", residuals, residuals)
    centered = y - y.mean(axis=0)
    tss = np.einsum("ts,ts->s", centered, centered)
    errors = newey_west(influence, residuals, residual_df)
    t = coefficients[1:] / errors
    fits.betas[:, members], fits.errors[:, members], fits.t[:, members] = coefficients[1:], errors, t
    fits.p[:, members] = 2.0 * scipy.special.stdtr(residual_df, -np.abs(t))
    fits.alpha[members] = coefficients[0]
    fits.r_squared[members] = 1.0 - rss / tss
    fits.adj_r_squared[members] = 1.0 - rss / tss * (n - 1) / residual_df
    fits.residual_sd[members] = np.sqrt(rss / residual_df)
    fits.df[members] = df
    fits.condition[members], fits.max_vif[members] = collinearity(x)


def least_squares(x, y):
    q, r = np.linalg.qr(np.column_stack([np.ones(len(x)), x]))
    influence = np.linalg.solve(r, q.T)
    return x, influence @ y, influence[1:], x.shape[1]


def ridge(x, y, alpha=1.0):
    """The market unpenalized; the styles less their regression on [1, market], standardized and penalized."""
    base_q, base_r = np.linalg.qr(np.column_stack([np.ones(len(x)), x[:, 0]]))
    to_base = np.linalg.solve(base_r, base_q.T)
    styles = x[:, 1:] - base_q @ (base_q.T @ x[:, 1:])
    deviation = styles.std(axis=0)
    u, d, vt = np.linalg.svd(styles / deviation, full_matrices=False)
    to_styles = (vt.T * (d / (d**2 + alpha))) @ u.T / deviation[:, None]
    df = 1.0 + (d**2 / (d**2 + alpha)).sum()
    influence = np.vstack([to_base, to_styles])
    return np.column_stack([x[:, 0], styles]), influence @ y, influence[1:], df


def fit(returns, factors, session, minimum, estimator=least_squares):
    """All symbols on the same factors, one factorization for each set of sessions."""
    fits = Fits(factors.shape[1], returns.shape[1])
    for sessions, members in samples(returns, np.isfinite(factors).all(axis=1), session):
        fits.observations[members] = len(sessions)
        if len(sessions) == 0:
            continue
        fits.first[members], fits.last[members] = sessions[0], sessions[-1]
        if len(sessions) < minimum:
            continue
        y = returns[sessions] if len(members) == returns.shape[1] else returns[np.ix_(sessions, members)]
        x, coefficients, influence, df = estimator(factors[sessions], y)
        describe(fits, members, sessions, x, y, coefficients, influence, df)
    return fits


# ---- factors ---------------------------------------------------------------------------------------------------------

def orthogonal_styles(market, styles, session):
    """Styles less their slope on the market over the newest complete window."""
    complete = np.isfinite(market) & np.isfinite(styles).all(axis=1)
    days = np.flatnonzero(complete[:session + 1])
    days = days[days > session - search_span(WINDOW)][-WINDOW:]
    m = market[days] - market[days].mean()
    return styles - np.outer(market, m @ (styles[days] - styles[days].mean(axis=0)) / (m @ m))


def covariances(series, session):
    """Exponentially weighted over the newest sessions, not centered, each pair where both have moved."""
    window = series[max(0, session + 1 - WINDOW):session + 1]
    present = np.isfinite(window)
    values = np.where(present, window, 0.0)
    weights = 2.0 ** (-np.arange(len(window))[::-1] / HALF_LIFE)[:, None]
    both = present.astype(float)
    covariance = values.T @ (weights * values) / (both.T @ (weights * both))
    squares = (values**2).T @ (weights * both) / (both.T @ (weights * both))
    return covariance, covariance / np.sqrt(squares * squares.T), (both.T @ both).astype(int)


def risk_contributions(x, covariance, specific):
    """Of each portfolio (rows of x): marginal and total of the factors, annualized, and the specific part."""
    pulls = x @ covariance
    sigma = np.sqrt(np.einsum("pk,pk->p", x, pulls) + specific)
    marginal = np.sqrt(YEAR) * pulls / sigma[:, None]
    return marginal, x * pulls / sigma[:, None]**2, np.sqrt(YEAR) * specific / sigma, specific / sigma**2


def expected_moves(covariance, shocked, sizes):
    moves = np.zeros(len(covariance))
    free = np.setdiff1d(np.arange(len(covariance)), shocked)
    moves[shocked] = sizes
    moves[free] = covariance[np.ix_(free, shocked)] @ np.linalg.solve(covariance[np.ix_(shocked, shocked)], sizes)
    conditional = covariance[np.ix_(free, free)] - covariance[np.ix_(free, shocked)] @ np.linalg.solve(
        covariance[np.ix_(shocked, shocked)], covariance[np.ix_(shocked, free)])
    return moves, free, conditional


# ---- volatility ------------------------------------------------------------------------------------------------------

SHORT, LONG, MONTH, ROWS, RANKS = 21, 63, 22, 504, 504
VOLATILITY_SESSIONS = ROWS + SHORT + 21


def rolling_sums(values, width):
    """A window at a time, so that the rounding of one large value stays in its window."""
    count = len(values) - width + 1
    total = values[:count].copy()
    for lag in range(1, width):
        total += values[lag:lag + count]
    return total


def har(squares):
    """Forecast and r_squared of the regression of the next 21 squares on day, week and month, with no negative
    coefficient: least squares on other supports for those symbols that need one. NaN where explosive."""
    n = len(squares)
    rows = min(n - SHORT - MONTH + 1, ROWS)
    weekly, monthly = rolling_sums(squares, 5) / 5, rolling_sums(squares, MONTH) / MONTH
    target = (rolling_sums(squares, SHORT) / SHORT)[-rows:]
    parts = [np.ones_like(target), *(part[len(part) - SHORT - rows:len(part) - SHORT]
                                     for part in (squares, weekly, monthly))]
    system = np.stack([*parts, target], axis=-1).transpose(1, 0, 2)
    scale = np.linalg.norm(system[:, :, :4], axis=1)
    system[:, :, :4] /= scale[:, None, :]
    triangle = np.linalg.qr(system, mode="r")
    r, c, beyond = triangle[:, :4, :4], triangle[:, :4, 4], triangle[:, 4, 4]
    best = np.zeros_like(c)
    left = (c**2).sum(axis=1)
    open_symbols = np.arange(len(c))
    for support in range(15, 0, -1):
        chosen = [j for j in range(4) if support >> j & 1]
        q, upper = np.linalg.qr(r[open_symbols][:, :, chosen])
        found = np.linalg.solve(upper, np.einsum("sij,si->sj", q, c[open_symbols])[..., None])[..., 0]
        misfit = ((c[open_symbols] - np.einsum("sij,sj->si", r[open_symbols][:, :, chosen], found))**2).sum(axis=1)
        better = (found >= 0).all(axis=1) & (misfit < left[open_symbols])
        places = open_symbols[better]
        best[places] = 0.0
        best[np.ix_(places, chosen)] = found[better]
        left[places] = misfit[better]
        # Nothing beats the fit on all four.
        if support == 15:
            open_symbols = open_symbols[~better]
        if not len(open_symbols):
            break
    coefficients = best / scale
    now = np.stack([np.ones(squares.shape[1]), squares[-1], weekly[-1], monthly[-1]], axis=1)
    forecast = (coefficients * now).sum(axis=1)
    total = ((target - target.mean(axis=0))**2).sum(axis=0)
    usable = coefficients[:, 1:].sum(axis=1) < 1.0
    fitted = np.clip(1.0 - (left + beyond**2) / total, 0.0, 1.0)
    return np.where(usable, forecast, np.nan), np.where(usable, fitted, np.nan)


class Volatility:
    """Figures of all series, which have returns on the same sessions, oldest first."""

    def __init__(self, returns):
        squares = returns**2
        n, series = squares.shape
        self.observations = np.full(series, n)
        self.short, self.long = (self.realized(squares, width, series) for width in (SHORT, LONG))
        self.strength, self.percentile = np.full(series, np.nan), np.full(series, np.nan)
        forecast, self.r_squared = np.full(series, np.nan), np.full(series, np.nan)
        if n >= 2 * SHORT:
            newer, older = squares[-SHORT:].mean(axis=0), squares[-2 * SHORT:-SHORT].mean(axis=0)
            self.strength = np.log(newer / older) / 2 * np.sqrt(SHORT - 1.0)
        if n >= 126 + SHORT - 1:
            sums = rolling_sums(squares[-(RANKS + SHORT - 1):], SHORT)
            tolerance = 1e-12 * sums[-1]
            equal = (np.abs(sums - sums[-1]) <= tolerance).sum(axis=0)
            self.percentile = ((sums < sums[-1] - tolerance).sum(axis=0) + equal / 2) / len(sums)
        if n >= 500:
            forecast, self.r_squared = har(squares)
        weights = 0.97 ** np.arange(n)[::-1]
        self.method = np.where(np.isfinite(forecast), b"har", b"ewma")
        average = weights @ squares / weights.sum()
        self.forecast = np.sqrt(YEAR * np.maximum(np.where(np.isfinite(forecast), forecast, average), 1e-12))
        self.trend = np.select([np.isnan(self.strength), self.strength > 1.645, self.strength < -1.645],
                               [b"", b"increasing", b"decreasing"], b"stable")
        self.flag = np.full(series, b"full_history" if n >= 126 + SHORT - 1 else b"limited_history")

    @staticmethod
    def realized(squares, width, series):
        if len(squares) < width:
            return [np.full(series, np.nan)] * 3
        value = np.sqrt(YEAR * squares[-width:].mean(axis=0))
        df = width - 1
        return [value, value * np.sqrt(df / scipy.stats.chi2.ppf(0.975, df)),
                value * np.sqrt(df / scipy.stats.chi2.ppf(0.025, df))]


# ---- correlations ----------------------------------------------------------------------------------------------------

CORRELATION_WINDOW, MIN_OVERLAP, THRESHOLD = 126, 60, 0.7


def correlations(logs):
    """Correlation and overlap of every two columns, each pair over the sessions that both have."""
    present = np.isfinite(logs)
    x = np.where(present, logs - np.nanmean(logs, axis=0), 0.0)
    if present.all():
        x /= np.linalg.norm(x, axis=0)
        return np.clip(x.T @ x, -1.0, 1.0), None
    m = present.astype(float)
    n = m.T @ m
    sums, squares = x.T @ m, (x**2).T @ m
    spread = n * squares - sums**2
    rho = (n * (x.T @ x) - sums * sums.T) / np.sqrt(spread * spread.T)
    return np.where(n >= MIN_OVERLAP, np.clip(rho, -1.0, 1.0), np.nan), n.astype(np.int32)


def p_values(rho, n):
    df = n - 2.0
    return 2.0 * scipy.special.stdtr(df, -np.abs(rho) * np.sqrt(df / ((1.0 - rho) * (1.0 + rho))))


def benjamini_hochberg(p):
    order = np.argsort(p, axis=1)
    tests = p.shape[1]
    ranked = np.take_along_axis(p, order, 1) * (tests / np.arange(1.0, tests + 1.0))
    ranked = np.minimum(np.minimum.accumulate(ranked[:, ::-1], axis=1)[:, ::-1], 1.0)
    q = np.empty_like(p)
    np.put_along_axis(q, order, ranked, 1)
    return q


def constant_correlation_shrinkage(x):
    """Ledoit and Wolf (2003), without the products of all pairs by session: covariances and intensities of a stack of
    samples (portfolios, sessions, symbols)."""
    t, n = x.shape[1:]
    x = x - x.mean(axis=1, keepdims=True)
    s = x.transpose(0, 2, 1) @ x / t
    variances = np.einsum("pii->pi", s)
    sd = np.sqrt(variances)
    mean_r = ((s / sd[:, :, None] / sd[:, None, :]).sum(axis=(1, 2)) - n) / (n * (n - 1))
    squares = x**2
    spread = ((squares.sum(axis=2)**2).mean(axis=1)) - (s**2).sum(axis=(1, 2))
    fourth = (squares**2).sum(axis=(1, 2)) / t
    own = fourth - (variances**2).sum(axis=1)
    cubes, weighted = np.einsum("pti,pi->pt", squares * x, 1.0 / sd), np.einsum("pti,pi->pt", x, sd)
    theta = (cubes * weighted).sum(axis=1) / t - fourth - (np.einsum("pi,pij,pj->p", sd, s, sd)
                                                           - (variances**2).sum(axis=1))
    target = mean_r[:, None, None] * sd[:, :, None] * sd[:, None, :]
    np.einsum("pii->pi", target)[:] = variances
    distance = ((s - target)**2).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        intensity = np.clip((spread - own - mean_r * theta) / distance / t, 0.0, 1.0)
    intensity = np.where(distance > 0, intensity, 0.0)[:, None, None]
    return s + intensity * (target - s), intensity[:, 0, 0]


def clusters(rho, values):
    """Groups of two and more, the largest first. None can form where no pair reaches the threshold."""
    if np.nanmax(np.tril(rho, -1)) < THRESHOLD:
        return []
    distance = np.sqrt((1.0 - rho) / 2.0)
    np.fill_diagonal(distance, 0.0)
    tree = scipy.cluster.hierarchy.linkage(squareform(distance, checks=False), method="average")
    labels = scipy.cluster.hierarchy.fcluster(tree, np.sqrt((1.0 - THRESHOLD) / 2.0), criterion="distance")
    groups = [np.flatnonzero(labels == label) for label in np.flatnonzero(np.bincount(labels) > 1)]
    return sorted(groups, key=lambda group: (-values[group].sum(), group[0]))
