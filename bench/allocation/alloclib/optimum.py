"""What somebody who knew every lead beforehand would earn: a linear program, solved by HiGHS."""
import highspy
import numpy as np

from .market import NO_BID
from .measure import CURVE_LEADS_MIN, plan_of, widest_gaps

CHECKPOINTS = 25   # of an order's leads: where an optimum that must keep to its plan is held to it


def _columns(market):
    """One column a lead and an order that bids for it, in the order of the leads."""
    return np.nonzero(market.open_bids() != NO_BID)


def _solver(market, lead, order):
    bids = market.open_bids()
    count, leads = len(lead), len(bids)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count, leads + market.orders
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = bids[lead, order].astype(float)
    model.col_lower_, model.col_upper_ = np.zeros(count), np.ones(count)
    model.row_lower_ = np.full(leads + market.orders, -highspy.kHighsInf)
    model.row_upper_ = np.concatenate([np.ones(leads), market.quantity.astype(float)])
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.arange(0, 2 * count + 1, 2, dtype=np.int32)
    model.a_matrix_.index_ = np.stack([lead, leads + order], axis=1).ravel().astype(np.int32)
    model.a_matrix_.value_ = np.ones(2 * count)
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.passModel(model)
    return solver


def _solve(market, solver):
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"{market.kind}, seed {market.seed}: the linear program was not solved")
    return solver.getInfo().objective_function_value, np.asarray(solver.getSolution().col_value)


def optimum(market):
    """(revenue, fill of each order, how far its orders run off their plan). The program's bound is not rounded: no way of giving whole
    leads earns more."""
    lead, order = _columns(market)
    value, taken = _solve(market, _solver(market, lead, order))
    fill = np.bincount(order, weights=taken, minlength=market.orders)
    gaps = widest_gaps(market, lambda j: _given_to(market, lead, order, taken, j))
    return value, fill, float(np.median(gaps)) if gaps else 0.0


def _given_to(market, lead, order, taken, j):
    mine = order == j
    return np.bincount(lead[mine], weights=taken[mine], minlength=len(market.at_ms))


def _hold_to_plan(solver, mine, plan, slack):
    """At each checkpoint the order has the planned part of what it has in the end, but for `slack` leads. mine: its columns, in the
    order of the leads; plan: of each."""
    got, planned = [], []
    for part in np.array_split(np.arange(len(mine)), CHECKPOINTS):
        if len(part) == 0:
            continue
        solver.addVar(0, highspy.kHighsInf)
        got.append(solver.getNumCol() - 1)
        planned.append(plan[part[-1]])
        solver.addRow(0, 0, len(part) + 1, np.append(mine[part], got[-1]).astype(np.int32), np.append(np.ones(len(part)), -1.0))
    for k, part in enumerate(planned):
        so_far = (np.arange(len(got)) <= k).astype(float)
        solver.addRow(-slack, slack, len(got), np.array(got, dtype=np.int32), so_far - part)


def optimum_on_plan(market, within):
    """The most that can be earned when no order of CURVE_LEADS_MIN leads or more is ever further than `within` of its quantity off its
    plan for what it gets."""
    lead, order = _columns(market)
    solver = _solver(market, lead, order)
    for j in np.flatnonzero(market.quantity >= CURVE_LEADS_MIN):
        mine = np.flatnonzero(order == j)
        _hold_to_plan(solver, mine, plan_of(market, j)[lead[mine]], within * market.quantity[j])
    return _solve(market, solver)[0]
