"""The arithmetic of the risk engines on whole matrices: sessions in rows, symbols in columns."""
import numpy as np
import scipy.cluster.hierarchy
import scipy.special
from scipy.spatial.distance import squareform

YEAR = 252
WINDOW = 252
LIMITED_BELOW = 126
HALF_LIFE = 63.0


def search_span(window):
    return (3 * window + 1) // 2


# ---- regressions -----------------------------------------------------------------------------------------------------

class Fits:
    """A model's fits of all symbols by day; NaN where there is none. Betas and the like: (factors, days, symbols)."""

    def __init__(self, factors, days, symbols):
        nothing = lambda *shape: np.full(shape, np.nan)
        for name in ("betas", "errors", "t", "p"):
            setattr(self, name, nothing(factors, days, symbols))
        for name in ("alpha", "r_squared", "adj_r_squared", "residual_sd", "df", "condition", "max_vif"):
            setattr(self, name, nothing(days, symbols))
        self.observations = np.zeros((days, symbols), int)
        self.samples = []
        self.first, self.last = np.full((days, symbols), -1), np.full((days, symbols), -1)

    @property
    def estimated(self):
        return np.isfinite(self.alpha)

    @property
    def residual_volatility(self):
        return self.residual_sd * np.sqrt(YEAR)


def samples(returns, complete, sessions, window=WINDOW):
    """Which sessions are used for which symbols on which days: the newest on which factors and symbol all have returns,
    as (days, sessions by day, symbols). Symbols without gaps share them on every day that has enough history."""
    usable = np.flatnonzero(complete)
    end = np.searchsorted(usable, sessions, "right")
    first = np.maximum(0, sessions + 1 - search_span(window))
    enough = (end >= window) & (usable[np.maximum(end - window, 0)] >= first)
    days = np.flatnonzero(enough)
    whole = np.zeros(returns.shape[1], bool)
    if len(days):
        windows = usable[end[days, None] + np.arange(-window, 0)]
        whole = np.isfinite(returns[usable[end[days].min() - window:end[days].max()]]).all(axis=0)
        yield days, windows, np.flatnonzero(whole)
    for day, session in enumerate(sessions):
        others = np.flatnonzero(~whole) if enough[day] else np.arange(returns.shape[1])
        for used, members in samples_of_day(returns, complete, session, first[day], window, others):
            yield np.array([day]), used[None, :], members


def samples_of_day(returns, complete, session, first, window, symbols):
    """Symbols that use the same sessions."""
    if not len(symbols):
        return
    usable = np.isfinite(returns[first:session + 1, symbols]) & complete[first:session + 1, None]
    newest = usable[::-1].cumsum(axis=0)[::-1] <= window
    used = usable & newest
    packed = np.ascontiguousarray(np.packbits(used, axis=0).T)
    keys, group = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_inverse=True)
    for k in range(len(keys)):
        members = np.flatnonzero(group == k)
        yield first + np.flatnonzero(used[:, members[0]]), symbols[members]


# What follows is of many days at once: (days, sessions, factors or symbols).

def newey_west(influence, residuals, residual_df):
    """Errors of b = influence y for all symbols: a product of lagged residuals serves every coefficient, so that the
    sums over sessions are matrix products."""
    n = residuals.shape[1]
    lags = int(4.0 * (n / 100.0) ** (2.0 / 9.0))
    total = influence**2 @ residuals**2
    for lag in range(1, lags + 1):
        weight = 2.0 * (1.0 - lag / (lags + 1.0))
        total += (weight * influence[..., lag:] * influence[..., :-lag]) @ (residuals[:, lag:] * residuals[:, :-lag])
    return np.sqrt(total * n / residual_df)


def with_ones(x):
    return np.concatenate([np.ones((*x.shape[:2], 1)), x], axis=2)


def collinearity(x):
    """Condition number of [1, x] with columns of unit length, and the largest variance inflation factor."""
    design = with_ones(x)
    singular = np.linalg.svd(design / np.linalg.norm(design, axis=1, keepdims=True), compute_uv=False)
    inflation = np.full(len(x), np.nan)
    if x.shape[2] > 1:
        centered = x - x.mean(axis=1, keepdims=True)
        centered /= np.linalg.norm(centered, axis=1, keepdims=True)
        inverse = np.linalg.inv(centered.transpose(0, 2, 1) @ centered)
        inflation = np.einsum("dkk->dk", inverse).max(axis=1)
    return singular[:, 0] / singular[:, -1], inflation


def describe(fits, days, members, x, y, coefficients, influence, df):
    """Puts the numbers of some days and symbols in their places; rows of influence are the regressors' alone."""
    n = y.shape[1]
    residuals = y - coefficients[:, :1]
    residuals -= x @ coefficients[:, 1:]
    residual_df = n - 1 - np.reshape(df, (-1, 1))
    rss = np.einsum("dts,dts->ds", residuals, residuals)
    tss = np.einsum("dts,dts->ds", y, y) - n * y.mean(axis=1)**2
    betas, errors = coefficients[:, 1:], newey_west(influence, residuals, residual_df[..., None])
    t = betas / errors
    p = 2.0 * scipy.special.stdtr(residual_df[..., None], -np.abs(t))
    place = np.ix_(days, members)
    for name, values in (("betas", betas), ("errors", errors), ("t", t), ("p", p)):
        getattr(fits, name)[:, place[0], place[1]] = values.transpose(1, 0, 2)
    fits.alpha[place] = coefficients[:, 0]
    fits.r_squared[place] = 1.0 - rss / tss
    fits.adj_r_squared[place] = 1.0 - rss / tss * (n - 1) / residual_df
    fits.residual_sd[place] = np.sqrt(rss / residual_df)
    fits.df[place] = np.reshape(df, (-1, 1))
    condition, inflation = collinearity(x)
    fits.condition[place], fits.max_vif[place] = condition[:, None], inflation[:, None]
    fits.samples.append((days, members, influence, residuals, residual_df[..., None]))


def least_squares(x, y):
    q, r = np.linalg.qr(with_ones(x))
    influence = np.linalg.solve(r, q.transpose(0, 2, 1))
    return x, influence @ y, influence[:, 1:], float(x.shape[2])


RIDGE_ALPHA_PER_OBSERVATION = 0.4


def ridge(x, y):
    """The market unpenalized; the styles less their regression on [1, market], standardized and penalized."""
    alpha = RIDGE_ALPHA_PER_OBSERVATION * x.shape[1]
    base_q, base_r = np.linalg.qr(with_ones(x[..., :1]))
    to_base = np.linalg.solve(base_r, base_q.transpose(0, 2, 1))
    styles = x[..., 1:] - base_q @ (base_q.transpose(0, 2, 1) @ x[..., 1:])
    deviation = styles.std(axis=1)
    u, d, vt = np.linalg.svd(styles / deviation[:, None], full_matrices=False)
    to_styles = (vt.transpose(0, 2, 1) * (d / (d**2 + alpha))[:, None]) @ u.transpose(0, 2, 1) / deviation[..., None]
    df = 1.0 + (d**2 / (d**2 + alpha)).sum(axis=1)
    influence = np.concatenate([to_base, to_styles], axis=1)
    return np.concatenate([x[..., :1], styles], axis=2), influence @ y, influence[:, 1:], df


def fit(returns, factors, sessions, minimum, estimator=least_squares):
    """All symbols on the same factors on all days, one factorization for each set of sessions."""
    fits = Fits(factors.shape[1], len(sessions), returns.shape[1])
    for days, used, members in samples(returns, np.isfinite(factors).all(axis=1), sessions):
        place = np.ix_(days, members)
        fits.observations[place] = used.shape[1]
        if used.shape[1] == 0:
            continue
        fits.first[place], fits.last[place] = used[:, :1], used[:, -1:]
        if used.shape[1] < minimum or not len(members):
            continue
        y = returns[used] if len(members) == returns.shape[1] else returns[used[:, :, None], members]
        x, coefficients, influence, df = estimator(factors[used], y)
        describe(fits, days, members, x, y, coefficients, influence, df)
    return fits


def portfolio_errors(fits, weights):
    """Errors of the betas of portfolios, from their own residuals: one regression of a portfolio's returns, because all
    its symbols have the same sample. Weights by day, portfolio and symbol; (factors, days, portfolios)."""
    errors = np.full((len(fits.betas), *weights.shape[:2]), np.nan)
    done = np.zeros(len(weights), bool)
    for days, members, influence, residuals, residual_df in fits.samples:
        if done[days].any():
            raise NotImplementedError("portfolios of symbols with several samples")
        done[days] = True
        held = weights[np.ix_(days, np.arange(weights.shape[1]), members)]
        errors[:, days] = newey_west(influence, residuals @ held.transpose(0, 2, 1), residual_df).transpose(1, 0, 2)
    return errors


# ---- factors ---------------------------------------------------------------------------------------------------------

def style_slopes(market, styles, session):
    """Slopes of the style funds' returns on the market's over the newest complete window."""
    complete = np.isfinite(market) & np.isfinite(styles).all(axis=1)
    days = np.flatnonzero(complete[:session + 1])
    days = days[days > session - search_span(WINDOW)][-WINDOW:]
    m = market[days] - market[days].mean()
    return m @ (styles[days] - styles[days].mean(axis=0)) / (m @ m)


def orthogonal_styles(market, styles, session):
    """Styles less their slope on the market."""
    return styles - np.outer(market, style_slopes(market, styles, session))


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


def specific_variance(residuals, weights):
    """Of portfolios (rows of weights) on a day, from the residuals of its window, sessions x symbols: of their residual
    series, shrunk by Ledoit and Wolf's intensity to the sum over symbols."""
    present = np.isfinite(residuals)
    values = np.where(present, residuals, 0.0)
    decay = 2.0 ** (-np.arange(len(values))[::-1] / HALF_LIFE)
    p = decay / decay.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        variances = np.nan_to_num((decay @ values**2) / (decay @ present))
        series = (values @ weights.T)**2
        cross = series - values**2 @ (weights**2).T
        mean = p @ cross
        noise = p**2 @ ((series - p @ series) * (cross - mean))
        shrinkage = np.nan_to_num(np.clip(noise / mean**2, 0.0, 1.0), nan=1.0)
    return weights**2 @ variances + (1.0 - shrinkage) * mean


def risk_contributions(x, covariance, specific):
    """Of each portfolio (rows of x) by day: marginal and total of the factors, annualized, and the specific part."""
    pulls = x @ covariance
    sigma = np.sqrt((x * pulls).sum(axis=-1) + specific)
    marginal = np.sqrt(YEAR) * pulls / sigma[..., None]
    return marginal, x * pulls / sigma[..., None]**2, np.sqrt(YEAR) * specific / sigma, specific / sigma**2


def worst_moves(moves, longest=21):
    """The largest fall and rise of each factor over every run of sessions up to the longest: returns are compounded,
    changes of the yield, the last factor, added up."""
    lowest = highest = np.zeros(moves.shape[1])
    runs = moves
    for length in range(1, longest + 1):
        if length > 1:
            before, now = runs[:-1], moves[length - 1:]
            runs = before + now
            runs[:, :-1] += before[:, :-1] * now[:, :-1]
        lowest = np.fmin(lowest, np.fmin.reduce(runs, axis=0))
        highest = np.fmax(highest, np.fmax.reduce(runs, axis=0))
    return lowest, highest


def long_run(moves, fewest=60):
    """Of moves of the market, the styles and the yield (sessions x factors) over all the past, styles less their slope
    on the market: the shrunk covariance, its intensity, observations and first session; the worst moves."""
    complete = np.isfinite(moves[:, :-1]).all(axis=1)
    market = moves[complete, 0] - moves[complete, 0].mean()
    slopes = market @ moves[complete, 1:-1] / (market @ market)
    moves = moves.copy()
    moves[:, 1:-1] -= np.outer(moves[:, 0], slopes)
    used = np.flatnonzero(np.isfinite(moves).all(axis=1))
    if len(used) < fewest:
        raise NotImplementedError("stress tests by the covariance of the day")
    covariance, intensity = constant_correlation_shrinkage(moves[None, used])
    return covariance[0], intensity[0], len(used), used[0], *worst_moves(moves)


def expected_moves(covariance, shocked, sizes, lowest, highest):
    """By day: the moves of all factors given some (sizes, by day), the others cut to the worst of the past; which are
    free, and what is left of their covariance; which are cut."""
    free = np.setdiff1d(np.arange(covariance.shape[1]), shocked)
    of = lambda rows, columns: covariance[:, rows[:, None], columns]
    slopes = np.linalg.solve(of(shocked, shocked), of(shocked, free))
    moves = np.empty(covariance.shape[:2])
    expected = (sizes[:, None] @ slopes)[:, 0]
    moves[:, shocked], moves[:, free] = sizes, np.clip(expected, lowest[:, free], highest[:, free])
    cut = np.zeros(moves.shape, bool)
    cut[:, free] = moves[:, free] != expected
    return moves, free, of(free, free) - of(free, shocked) @ slopes, cut


# ---- volatility ------------------------------------------------------------------------------------------------------

SHORT, LONG, MONTH, ROWS, RANKS = 21, 63, 22, 504, 504
VOLATILITY_SESSIONS = ROWS + SHORT + 21


def rolling_sums(values, width):
    """Sums of 1, 2, 4, … values put together, so that the rounding of one large value stays in its window."""
    count = len(values) - width + 1
    total, done, block, size = None, 0, values, 1
    while True:
        if width & size:
            part = block[done:done + count]
            total = part.copy() if total is None else np.add(total, part, out=total)
            done += size
        if done == width:
            return total
        block, size = block[:-size] + block[size:], 2 * size


def har_moments(squares):
    """Products of the columns 1, day, week, month and of the next 21 squares, by series; and the newest columns."""
    n, series = squares.shape
    rows = min(n - SHORT - MONTH + 1, ROWS)
    weekly, monthly = rolling_sums(squares, 5) / 5, rolling_sums(squares, MONTH) / MONTH
    target = (rolling_sums(squares, SHORT) / SHORT)[-rows:]
    parts = [*(part[len(part) - SHORT - rows:len(part) - SHORT] for part in (squares, weekly, monthly)), target]
    products = np.empty((series, 5, 5))
    products[:, 0, 0] = rows
    for i, one in enumerate(parts, 1):
        products[:, i, 0] = products[:, 0, i] = one.sum(axis=0)
        for j, other in enumerate(parts[:i], 1):
            products[:, i, j] = products[:, j, i] = np.einsum("ts,ts->s", one, other)
    return products, np.stack([np.ones(series), squares[-1], weekly[-1], monthly[-1]], axis=1), rows


def har(squares):
    """Forecast and r_squared of the regression of the next 21 squares on day, week and month, with no negative
    coefficient: least squares on other supports for those symbols that need one. NaN where explosive."""
    products, now, rows = har_moments(squares)
    scale = np.sqrt(np.einsum("sjj->sj", products))
    cosines = products / scale[:, :, None] / scale[:, None, :]
    x, y = cosines[:, :4, :4], cosines[:, :4, 4]
    best, explained = np.zeros_like(y), np.zeros(len(y))
    places = np.arange(len(y))
    for support in range(15, 0, -1):
        chosen = np.array([j for j in range(4) if support >> j & 1])
        own = y[places[:, None], chosen]
        found = np.linalg.solve(x[places[:, None, None], chosen[:, None], chosen], own[..., None])[..., 0]
        part = (found * own).sum(axis=1)
        better = (found >= 0).all(axis=1) & (part > explained[places])
        best[places[better]] = 0.0
        best[places[better, None], chosen] = found[better]
        explained[places[better]] = part[better]
        # Nothing beats the fit on all four.
        if support == 15:
            places = places[~better]
        if not len(places):
            break
    coefficients = best * scale[:, 4:] / scale[:, :4]
    total = products[:, 4, 4] - products[:, 4, 0]**2 / rows
    usable = coefficients[:, 1:].sum(axis=1) < 1.0
    fitted = np.clip(1.0 - (1.0 - explained) * products[:, 4, 4] / total, 0.0, 1.0)
    return np.where(usable, (coefficients * now).sum(axis=1), np.nan), np.where(usable, fitted, np.nan)


def standardized_kurtosis(squares, start=42, fewest=252):
    """Of returns over the exponential average of those before, by series, within its bounds."""
    n, series = squares.shape
    if n - start < fewest:
        return np.full(series, 6.5)
    average, weight = np.zeros(series), 0.0
    z2 = np.empty((n - start, series))
    for t, row in enumerate(squares):
        if t >= start:
            np.divide(row, average / weight, out=z2[t - start])
        average, weight = 0.97 * average + row, 0.97 * weight + 1.0
    return np.clip((z2**2).mean(axis=0) / z2.mean(axis=0) ** 2, 3.0, 8.0)


class Volatility:
    """Figures of all series, which have returns on the same sessions, oldest first."""

    FIGURES = {"observations": int, "kurtosis": float, "strength": float, "percentile": float, "forecast": float,
               "r_squared": float, "method": "S4", "trend": "S10", "flag": "S15",
               **{f"realized_volatility_{width}d{end}": float
                  for width in (SHORT, LONG) for end in ("", "_low", "_high")}}

    def __init__(self, returns):
        squares = returns**2
        n, series = squares.shape
        self.observations = np.full(series, n)
        self.kurtosis = standardized_kurtosis(squares)
        for width in (SHORT, LONG):
            self.realize(squares, width, series)
        self.strength, self.percentile = np.full(series, np.nan), np.full(series, np.nan)
        forecast, self.r_squared = np.full(series, np.nan), np.full(series, np.nan)
        if n >= 2 * SHORT:
            newer, older = squares[-SHORT:].mean(axis=0), squares[-2 * SHORT:-SHORT].mean(axis=0)
            self.strength = np.log(newer / older) / 2 / np.sqrt((self.kurtosis - 1.0) / (2 * SHORT))
        if n >= 126 + SHORT - 1:
            self.percentile = self.rank(squares)
        if n >= 500:
            forecast, self.r_squared = har(squares)
        weights = 0.97 ** np.arange(n)[::-1]
        self.method = np.where(np.isfinite(forecast), b"har", b"ewma")
        average = weights @ squares / weights.sum()
        self.forecast = np.sqrt(YEAR * np.maximum(np.where(np.isfinite(forecast), forecast, average), 1e-12))
        self.trend = np.select([np.isnan(self.strength), self.strength > 1.645, self.strength < -1.645],
                               [b"", b"increasing", b"decreasing"], b"stable")
        self.flag = np.full(series, b"full_history" if n >= 126 + SHORT - 1 else b"limited_history")

    def realize(self, squares, width, series):
        value, df = np.full(series, np.nan), 2 * width / (self.kurtosis - 1.0)
        if len(squares) >= width:
            value = np.sqrt(YEAR * squares[-width:].mean(axis=0))
        for end, quantile in (("", None), ("_low", 0.975), ("_high", 0.025)):
            scale = 1.0 if quantile is None else np.sqrt(df / scipy.special.chdtri(df, 1.0 - quantile))
            setattr(self, f"realized_volatility_{width}d{end}", value * scale)

    @staticmethod
    def rank(squares):
        sums = rolling_sums(squares[-(RANKS + SHORT - 1):], SHORT)
        tolerance = 1e-12 * sums[-1]
        below, not_above = (sums < sums[-1] - tolerance).sum(axis=0), (sums <= sums[-1] + tolerance).sum(axis=0)
        return (below + not_above) / 2 / len(sums)

    @classmethod
    def nothing(cls, shape):
        return {name: np.zeros(shape, kind) for name, kind in cls.FIGURES.items()}

    @staticmethod
    def put(figures, days, found):
        for name, values in figures.items():
            values[days] = getattr(found, name).reshape(len(days), -1)


# ---- correlations ----------------------------------------------------------------------------------------------------

CORRELATION_WINDOW, MIN_OVERLAP, THRESHOLD = 126, 60, 0.7


def correlations(logs):
    """Correlation and overlap of every two columns, each pair over the sessions that both have, by day."""
    present = np.isfinite(logs)
    if present.all():
        x = logs - logs.mean(axis=1, keepdims=True)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return np.clip(x.transpose(0, 2, 1) @ x, -1.0, 1.0), None
    x = np.where(present, logs - np.nanmean(logs, axis=1, keepdims=True), 0.0)
    m, turned = present.astype(float), x.transpose(0, 2, 1)
    n = m.transpose(0, 2, 1) @ m
    sums, squares = turned @ m, (turned**2) @ m
    spread = n * squares - sums**2
    rho = (n * (turned @ x) - sums * sums.transpose(0, 2, 1)) / np.sqrt(spread * spread.transpose(0, 2, 1))
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
