/* trace: one lead's whole life as steps. Shared by the trace_*.c files.
 *
 * There is no index: a lead's id is its time, so its record is found by a seek; from there every record tells where to
 * look for the next one. All texts live in the trace's arena. */
#ifndef PUNNET_TRACE_H
#define PUNNET_TRACE_H

#include "lead/reasons.h"
#include "payout/store/store.h"
#include "tool.h"

#define TRACE_STEPS_MAX 512
#define TRACE_NOTES_MAX 80 /* of one step */

struct trace_note { /* a reason, a candidate, an entry */
	const char *code, *text;
	const char *operator_text; /* what no webmaster reads; "" = nothing */
};

struct trace_step {
	int64_t at_ms;
	const char *service, *what, *text;
	const char *source;    /* where it stands: "leads.raw/3@120", or "ledger" */
	const char *caused_by; /* what it was made from; "" = nothing in the topics */
	const char *ruleset;   /* "" = none */
	struct trace_note notes[TRACE_NOTES_MAX];
	size_t note_count;
	/* What was booked bears the time of what it is for: it is shown after it. */
	int64_t shown_ms;
	size_t number; /* among steps of one time */
	int64_t round; /* of a transfer; -1 elsewhere */
};

struct trace {
	struct tool *tool;
	struct store *ledger;
	struct arena arena;
	struct lead_id id;
	enum language language; /* of the texts that webmasters read */
	struct trace_step *steps;
	size_t count;
	int64_t records_max; /* that are read of one partition for one step; 0: the usual limit */
	struct error error;
};

/* --- steps (trace_text.c) --- */

/* Past TRACE_STEPS_MAX the last one is overwritten. */
struct trace_step *trace_add(struct trace *t, int64_t at_ms, const char *service, const char *what);
void trace_note(struct trace_step *s, const char *code, const char *text);
/* A reason: what the webmaster reads, and what the operator reads beside it. `before` stands before the code. */
void trace_note_reason(struct trace *t, struct trace_step *s, const char *before, const char *code,
		       Punnet__V1__ReasonParam **params, size_t count, const char *detail);
/* The text of reasons.def with its placeholders filled in; an unknown code stands for itself. */
const char *trace_reason(struct trace *t, const char *code, Punnet__V1__ReasonParam **params,
			 size_t count, const char *detail);
const char *trace_time(struct trace *t, int64_t ms);
const char *trace_money(struct trace *t, const Punnet__V1__Money *m);
const char *trace_from(struct trace *t, const Punnet__V1__Provenance *p);
void trace_print(struct trace *t);

/* --- seeking (trace_find.c) --- */

struct found {
	const char *topic, *where; /* where: "leads.raw/3@120" */
	int32_t partition;
	int64_t offset, time_ms;
	const void *message;
};

struct seek {
	struct trace *trace;
	const char *topic;
	const ProtobufCMessageDescriptor *type;
	int32_t partition;         /* -1: all */
	int64_t from_ms, until_ms; /* of the records' own time; the function may move until_ms */
	bool (*fn)(void *ctx, struct seek *s, const struct found *f); /* true: enough */
	void *ctx;
	/* Which records go to fn, by their bytes; NULL: those that are the lead's. */
	bool (*matches)(void *ctx, struct slice value);
	size_t left; /* records after which it is enough; 0: any number */
	bool done;   /* fn said so */
};

/* Every record in the span that holds the lead's id goes to fn. */
_must_use_ enum result trace_seek(struct seek *s);

/* --- the ledger (trace_ledger.c) --- */

_must_use_ enum result trace_ledger(struct trace *t);

/* --- the topics (trace_topics.c); *ret_known is false when the lead was never received --- */

_must_use_ enum result trace_topics(struct trace *t, bool *ret_known);

#endif
