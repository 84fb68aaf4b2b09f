/* metrics: see metrics.h. Plain integers in tables; the text is made when somebody asks. */
#include "metrics.h"

#define BUCKETS 19 /* 0.1 ms to 100 s, 1-2-5 */

enum metric_kind { COUNTER, COUNTERS, GAUGE, GAUGES, HISTOGRAM };

struct metric_row {
	const char *service, *what, *unit, *label, *help;
	enum metric_kind kind;
};

static const struct metric_row rows[METRIC_COUNT] = {
#define METRIC(name, service, what, unit, kind, label, help)                                       \
	{service, what, unit, label, help, kind},
#include "metrics.def"
#undef METRIC
};

static const int64_t bucket_us[BUCKETS] = {
    100,    200,    500,     1000,    2000,    5000,     10000,    20000,    50000,    100000,
    200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000};
static const char *const bucket_text[BUCKETS] = {
    "0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1",
    "0.2",    "0.5",    "1",      "2",     "5",     "10",    "20",   "50",   "100"};

static int64_t values[METRIC_COUNT]; /* histograms: how many */
static struct {
	int64_t sum_us;
	int64_t
	    in_bucket[BUCKETS]; /* not cumulative; what is above the last one is only in values[] */
} histograms[METRIC_COUNT];

static struct {
	enum metric of;
	const char *label;
	int64_t value;
} members[METRIC_MEMBERS_MAX];
static size_t member_count;
static size_t first_member[METRIC_COUNT]; /* plus one; 0: none */

void metric_members(enum metric m, const char *const *labels, size_t count)
{
	assert(m < METRIC_COUNT && (rows[m].kind == COUNTERS || rows[m].kind == GAUGES));
	assert(first_member[m] == 0 && member_count + count <= METRIC_MEMBERS_MAX);
	first_member[m] = member_count + 1;
	for (size_t i = 0; i < count; i++) {
		members[member_count].of = m;
		members[member_count++].label = labels[i];
	}
}

void metric_add_member(enum metric m, size_t member, int64_t n)
{
	size_t at = first_member[m] - 1 + member;

	assert(first_member[m] > 0 && at < member_count && members[at].of == m && n >= 0);
	members[at].value += n;
}

void metric_set_member(enum metric m, size_t member, int64_t value)
{
	size_t at = first_member[m] - 1 + member;

	assert(first_member[m] > 0 && at < member_count && members[at].of == m);
	assert(rows[m].kind == GAUGES);
	members[at].value = value;
}

void metric_add(enum metric m, int64_t n)
{
	assert(m < METRIC_COUNT && rows[m].kind == COUNTER && n >= 0);
	values[m] += n;
}

void metric_set(enum metric m, int64_t value)
{
	assert(m < METRIC_COUNT && rows[m].kind == GAUGE);
	values[m] = value;
}

void metric_observe_us(enum metric m, int64_t us)
{
	assert(m < METRIC_COUNT && rows[m].kind == HISTOGRAM);
	us = MAX_OF(us, 0);
	values[m]++;
	histograms[m].sum_us += us;
	for (size_t i = 0; i < BUCKETS; i++) {
		if (us <= bucket_us[i]) {
			histograms[m].in_bucket[i]++;
			return;
		}
	}
}

int64_t metric_value(enum metric m)
{
	assert(m < METRIC_COUNT);
	return values[m];
}

static bool same_service(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	}
	return *a == *b;
}

static void write_name(const struct metric_row *r, struct buf *out)
{
	buf_append_cstr(out, "punnet_");
	for (const char *c = r->service; *c; c++)
		buf_append_char(out, *c == '-' ? '_' : *c);
	buf_printf(out, "_%s", r->what);
	if (r->unit[0])
		buf_printf(out, "_%s", r->unit);
	if (r->kind == COUNTER || r->kind == COUNTERS)
		buf_append_cstr(out, "_total");
}

static void write_histogram(enum metric m, struct buf *out)
{
	const struct metric_row *r = &rows[m];
	const char *comma = r->label[0] ? "," : "";
	int64_t below = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		below += histograms[m].in_bucket[i];
		write_name(r, out);
		buf_printf(out, "_bucket{%s%sle=\"%s\"} %lld\n", r->label, comma, bucket_text[i],
			   (long long)below);
	}
	write_name(r, out);
	buf_printf(out, "_bucket{%s%sle=\"+Inf\"} %lld\n", r->label, comma, (long long)values[m]);

	const char *open = r->label[0] ? "{" : "", *close = r->label[0] ? "}" : "";
	int64_t sum = histograms[m].sum_us;

	write_name(r, out);
	buf_printf(out, "_sum%s%s%s %lld.%06lld\n", open, r->label, close,
		   (long long)(sum / 1000000), (long long)(sum % 1000000));
	write_name(r, out);
	buf_printf(out, "_count%s%s%s %lld\n", open, r->label, close, (long long)values[m]);
}

static void write_members(enum metric m, struct buf *out)
{
	for (size_t i = 0; i < member_count; i++) {
		if (members[i].of != m)
			continue;
		write_name(&rows[m], out);
		buf_printf(out, "{%s=\"%s\"} %lld\n", rows[m].label, members[i].label,
			   (long long)members[i].value);
	}
}

static void write_sample(enum metric m, struct buf *out)
{
	const struct metric_row *r = &rows[m];

	if (r->kind == COUNTERS || r->kind == GAUGES) {
		write_members(m, out);
		return;
	}
	if (r->kind == HISTOGRAM) {
		write_histogram(m, out);
		return;
	}
	write_name(r, out);
	if (r->label[0])
		buf_printf(out, "{%s}", r->label);
	buf_printf(out, " %lld\n", (long long)values[m]);
}

static bool same_name(const struct metric_row *a, const struct metric_row *b)
{
	return same_service(a->service, b->service) && strcmp(a->what, b->what) == 0 &&
	       strcmp(a->unit, b->unit) == 0 && a->kind == b->kind;
}

static bool named_before(size_t m)
{
	for (size_t i = 0; i < m; i++) {
		if (same_name(&rows[i], &rows[m]))
			return true;
	}
	return false;
}

/* All rows of one name stand together under one HELP and one TYPE, wherever they stand in the table. */
static void write_family(size_t first, struct buf *out)
{
	static const char *const kinds[] = {[COUNTER] = "counter",
					    [COUNTERS] = "counter",
					    [GAUGE] = "gauge",
					    [GAUGES] = "gauge",
					    [HISTOGRAM] = "histogram"};

	buf_append_cstr(out, "# HELP ");
	write_name(&rows[first], out);
	buf_printf(out, " %s\n# TYPE ", rows[first].help);
	write_name(&rows[first], out);
	buf_printf(out, " %s\n", kinds[rows[first].kind]);
	for (size_t m = first; m < METRIC_COUNT; m++) {
		if (same_name(&rows[m], &rows[first]))
			write_sample((enum metric)m, out);
	}
}

void metrics_write(const char *service, struct buf *out)
{
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		if (!same_service(rows[m].service, service) &&
		    !same_service(rows[m].service, "process"))
			continue;
		if (!named_before(m))
			write_family(m, out);
	}
}
