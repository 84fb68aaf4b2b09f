/* backlog: the stages' backlog while the auditor reads for the first time, which may take minutes. By a connection and a thread of its own. */
#ifndef PUNNET_AUDITOR_BACKLOG_H
#define PUNNET_AUDITOR_BACKLOG_H

#include "runtime/service.h"
#include "tools/audit_backlog.h"

struct backlog {
	struct service *service;
	const struct audit_round_settings *settings;
	struct bus *bus; /* NULL: not asked yet, or not any more */
	uv_work_t work;
	bool working, over;
	int64_t next_ms; /* by the steady clock */
	enum result result;
	struct audit_stage_line stages[AUDIT_STAGES];
	struct error error;
};

/* From the loop, as often as one likes, until backlog_end(). */
void backlog_turn(struct backlog *b);
/* The rounds tell it from now on. What is under way ends by itself. */
void backlog_end(struct backlog *b);
/* When nothing is under way. */
void backlog_close(struct backlog *b);

#endif
