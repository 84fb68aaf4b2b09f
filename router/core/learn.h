/* learn: a market that is told of leads from before its log. Nothing is decided, nobody gets them, and log time stands still;
 * only the pacing of its orders learns: when leads come, who could have had them, at what price. For simulations: a market
 * that lives has its log to learn from. */
#ifndef PUNNET_ROUTER_LEARN_H
#define PUNNET_ROUTER_LEARN_H

#include "market.h"

struct learner; /* borrows the market, whose orders must not change meanwhile */

struct learner *learner_new(struct market *m);
/* In time order, none later than the market's log time. */
void learner_lead(struct learner *l, const Punnet__V1__LeadAdmitted *admitted, int64_t at_ms);
/* Lets scarcity prices settle at the market's log time, and frees the learner. */
void learner_end(struct learner *l);

#endif
