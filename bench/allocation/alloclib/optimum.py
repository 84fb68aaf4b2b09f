"""What somebody who knew every lead beforehand would earn: a linear program, solved by HiGHS."""
import highspy
import numpy as np

from .market import NO_BID


def optimum(market):
    """(revenue, fill of each order). The program's bound is not rounded: no way of giving whole leads earns more."""
    bids = market.open_bids()
    lead, order = np.nonzero(bids != NO_BID)
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
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"{market.kind}, seed {market.seed}: the linear program was not solved")
    taken = np.asarray(solver.getSolution().col_value)
    return solver.getInfo().objective_function_value, np.bincount(order, weights=taken, minlength=market.orders)
