/* traffic_report: what was sent and what came back, counted by kind and by status; shown while it runs and at its end. */
#ifndef PUNNET_TRAFFIC_REPORT_H
#define PUNNET_TRAFFIC_REPORT_H

#include <stdio.h>

#include "tool.h"
#include "traffic_make.h"

#define TRAFFIC_STATUSES 600

enum traffic_result { TRAFFIC_RECEIVED, TRAFFIC_REFUSED, TRAFFIC_UNANSWERED, TRAFFIC_RESULTS };

struct traffic_report {
	struct tool *tool;
	FILE *out; /* a line for each lead that was received; NULL = none */
	uint64_t count, repeats;
	int64_t began_ms, ended_ms, shown_ms;
	uint64_t sent[TRAFFIC_KINDS], results[TRAFFIC_KINDS][TRAFFIC_RESULTS],
	    statuses[TRAFFIC_STATUSES];
};

void traffic_report_begin(struct traffic_report *r, struct tool *t, uint64_t count, int64_t now_ms);
/* The result of one line of a batch as a status: 202, the problem's, or 0 when it can't be read. */
int traffic_report_line_status(struct slice answer);
/* status 0: no final answer. The answer holds the lead's id when it was received. */
void traffic_report_result(struct traffic_report *r, enum traffic_kind kind, uint64_t number,
			   struct slice source, int status, struct slice answer);
void traffic_report_show(struct traffic_report *r, int64_t now_ms, uint64_t sent, size_t under_way,
			 uint64_t repeats); /* now and then */
void traffic_report_end(struct traffic_report *r, int64_t now_ms, uint64_t repeats);
uint64_t traffic_report_unanswered(const struct traffic_report *r);

#endif
