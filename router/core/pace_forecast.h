/* pace_forecast: what a paced order will have by its deadline, with a range, and whether that is worth an alert. Pure. */
#ifndef PUNNET_ROUTER_PACE_FORECAST_H
#define PUNNET_ROUTER_PACE_FORECAST_H

#include "pace.h"

struct pace_forecast {
	uint64_t expected, low,
	    high;         /* leads by the deadline; four times out of five from low to high */
	uint64_t planned; /* what it should have by now */
	uint64_t supply;  /* leads to come that it could have */
};

struct pace_forecast pace_forecast(const struct pacer *p, const struct order *o, int64_t now_ms);
/* With the state that it was in before in mind. */
enum pace_state pace_state_of(const struct order *o, const struct pace_forecast *f);
/* Moves the order's pace to the state it is in, and lets progress be told when that, or the forecast, is another one. */
void pace_judge(const struct pacer *p, struct order *o, int64_t now_ms);
const char *pace_state_name(enum pace_state state);
uint64_t pace_root(uint64_t n); /* the whole part of the square root */

#endif
