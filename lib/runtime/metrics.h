/* metrics: counters, gauges and histograms from metrics.def. One thread writes.
 *
 * COUNTERS and GAUGES are one for each member of a set that the table can't know, such as the filters: the label is a name, and the
 * owner says the values once, before it counts. */
#ifndef PUNNET_METRICS_H
#define PUNNET_METRICS_H

#include "base/buf.h"

enum metric {
#define METRIC(name, service, what, unit, kind, label, help) METRIC_##name,
#include "metrics.def"
#undef METRIC
	METRIC_COUNT
};

void metric_add(enum metric m, int64_t n);         /* counters: n >= 0 */
void metric_set(enum metric m, int64_t value);     /* gauges */
void metric_observe_us(enum metric m, int64_t us); /* histograms of seconds */
#define METRIC_MEMBERS_MAX 128                     /* of all COUNTERS together */
/* The values of the label, borrowed for ever. Once for each. */
void metric_members(enum metric m, const char *const *values, size_t count);
void metric_add_member(enum metric m, size_t member, int64_t n);
void metric_set_member(enum metric m, size_t member, int64_t value);
int64_t metric_value(enum metric m);
/* Prometheus text format 0.0.4 of the metrics of `service` and of "process". */
void metrics_write(const char *service, struct buf *out);

#endif
