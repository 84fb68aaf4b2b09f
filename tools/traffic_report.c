/* traffic_report: see traffic_report.h. */
#include "traffic_report.h"

#include <string.h>

#include "base/ids.h"
#include "base/json.h"

#define SHOW_ON_TERMINAL_MS 200
#define SHOW_ELSE_MS        5000

void traffic_report_begin(struct traffic_report *r, struct tool *t, uint64_t count, int64_t now_ms)
{
	r->tool = t;
	r->count = count;
	r->began_ms = r->shown_ms = now_ms;
}

int traffic_report_line_status(struct slice answer)
{
	struct arena arena = {0};
	struct json_fault fault;
	struct json *root = json_parse(&arena, answer, JSON_LIMITS_DEFAULT, &fault);
	const struct json *status = root ? json_member(root, "status") : NULL;
	int code = 0;

	if (root && json_member(root, "lead_id"))
		code = 202;
	else if (status && status->is_integer && status->integer >= 400 && status->integer < 600)
		code = (int)status->integer;
	arena_free(&arena);
	return code;
}

static struct slice lead_id_of(struct slice answer)
{
	static const char member[] = "\"lead_id\":\"";
	const char *at =
	    answer.len ? memmem(answer.data, answer.len, member, sizeof(member) - 1) : NULL;
	size_t left = at ? (size_t)(answer.data + answer.len - at) : 0;

	if (left < sizeof(member) - 1 + LEAD_ID_TEXT_LEN)
		return (struct slice){NULL, 0};
	return slice_of(at + sizeof(member) - 1, LEAD_ID_TEXT_LEN);
}

void traffic_report_result(struct traffic_report *r, enum traffic_kind kind, uint64_t number,
			   struct slice source, int status, struct slice answer)
{
	struct slice id = lead_id_of(answer);
	enum traffic_result result = status == 0    ? TRAFFIC_UNANSWERED
				     : status < 300 ? TRAFFIC_RECEIVED
						    : TRAFFIC_REFUSED;

	r->results[kind][result]++;
	r->statuses[status < TRAFFIC_STATUSES ? status : 0]++;
	if (r->out && result == TRAFFIC_RECEIVED)
		fprintf(r->out,
			"{\"number\":%llu,\"kind\":\"%s\",\"lead_id\":\"" SLICE_FMT
			"\",\"aff_id\":\"" SLICE_FMT "\"}\n",
			(unsigned long long)number, traffic_kind_names[kind], SLICE_ARG(id),
			SLICE_ARG(source));
}

static uint64_t sum_of(const struct traffic_report *r, enum traffic_result result)
{
	uint64_t sum = 0;

	for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
		sum += r->results[kind][result];
	return sum;
}

uint64_t traffic_report_unanswered(const struct traffic_report *r)
{
	return sum_of(r, TRAFFIC_UNANSWERED);
}

void traffic_report_show(struct traffic_report *r, int64_t now_ms, uint64_t sent, size_t under_way,
			 uint64_t repeats)
{
	bool terminal = r->tool->terminal;

	if (now_ms - r->shown_ms < (terminal ? SHOW_ON_TERMINAL_MS : SHOW_ELSE_MS))
		return;
	r->shown_ms = now_ms;
	fprintf(stderr,
		"%straffic: %llu of %llu leads sent, %llu received, %llu refused, %zu calls under "
		"way, %llu repeated%s",
		terminal ? "\r" : "", (unsigned long long)sent, (unsigned long long)r->count,
		(unsigned long long)sum_of(r, TRAFFIC_RECEIVED),
		(unsigned long long)sum_of(r, TRAFFIC_REFUSED), under_way,
		(unsigned long long)repeats, terminal ? "\033[K" : "\n");
}

static uint64_t total_sent(const struct traffic_report *r)
{
	uint64_t sum = 0;

	for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
		sum += r->sent[kind];
	return sum;
}

static void print_json(const struct traffic_report *r, double seconds, double rate)
{
	const char *separator = "";

	printf("{\"sent\":%llu,\"received\":%llu,\"refused\":%llu,\"unanswered\":%llu,\"repeats\":%"
	       "llu,"
	       "\"seconds\":%.3f,\"rate\":%.1f,\"kinds\":{",
	       (unsigned long long)total_sent(r), (unsigned long long)sum_of(r, TRAFFIC_RECEIVED),
	       (unsigned long long)sum_of(r, TRAFFIC_REFUSED),
	       (unsigned long long)sum_of(r, TRAFFIC_UNANSWERED), (unsigned long long)r->repeats,
	       seconds, rate);
	for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
		printf("%s\"%s\":{\"sent\":%llu,\"received\":%llu,\"refused\":%llu,\"unanswered\":%"
		       "llu}",
		       kind ? "," : "", traffic_kind_names[kind], (unsigned long long)r->sent[kind],
		       (unsigned long long)r->results[kind][TRAFFIC_RECEIVED],
		       (unsigned long long)r->results[kind][TRAFFIC_REFUSED],
		       (unsigned long long)r->results[kind][TRAFFIC_UNANSWERED]);
	printf("},\"statuses\":{");
	for (int status = 0; status < TRAFFIC_STATUSES; status++) {
		if (!r->statuses[status])
			continue;
		printf("%s\"%d\":%llu", separator, status, (unsigned long long)r->statuses[status]);
		separator = ",";
	}
	puts("}}");
}

static void print_text(const struct traffic_report *r, double seconds, double rate)
{
	printf("%-18s %10s %10s %10s %10s\n", "kind", "sent", "received", "refused", "unanswered");
	for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
		printf("%-18s %10llu %10llu %10llu %10llu\n", traffic_kind_names[kind],
		       (unsigned long long)r->sent[kind],
		       (unsigned long long)r->results[kind][TRAFFIC_RECEIVED],
		       (unsigned long long)r->results[kind][TRAFFIC_REFUSED],
		       (unsigned long long)r->results[kind][TRAFFIC_UNANSWERED]);
	printf("%-18s %10llu %10llu %10llu %10llu\n", "all", (unsigned long long)total_sent(r),
	       (unsigned long long)sum_of(r, TRAFFIC_RECEIVED),
	       (unsigned long long)sum_of(r, TRAFFIC_REFUSED),
	       (unsigned long long)sum_of(r, TRAFFIC_UNANSWERED));
	printf("answers:");
	for (int status = 0; status < TRAFFIC_STATUSES; status++) {
		if (!r->statuses[status])
			continue;
		if (status)
			printf(" %d x %llu,", status, (unsigned long long)r->statuses[status]);
		else
			printf(" none x %llu,", (unsigned long long)r->statuses[status]);
	}
	printf(" %llu calls repeated; %.1f s, %.0f leads/s\n", (unsigned long long)r->repeats,
	       seconds, rate);
}

void traffic_report_end(struct traffic_report *r, int64_t now_ms, uint64_t repeats)
{
	double seconds = (double)(now_ms - r->began_ms) / 1000.0;
	double rate = seconds > 0 ? (double)total_sent(r) / seconds : 0;

	r->repeats = repeats;
	if (r->tool->terminal)
		fputs("\r\033[K", stderr);
	if (r->tool->json)
		print_json(r, seconds, rate);
	else
		print_text(r, seconds, rate);
}
