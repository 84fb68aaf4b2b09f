/* trace: one lead's whole life as steps. Shared by the trace_*.c files.
 *
 * There is no index: a lead's id is its time, so its record is found by a seek; from there every record tells where to
 * look for the next one. All texts live in the trace's arena. */
#ifndef PUNNET_TRACE_H
#define PUNNET_TRACE_H

#include "lead/reasons.h"
#include "payout/store/db.h"
#include "proto/leads_raw.pb-c.h"
#include "tool.h"

#define TRACE_STEPS_MAX 512
#define TRACE_NOTES_MAX 80 /* of one step */

/* For whom a page is. What isn't an operator's page leaves out the rest. */
enum trace_reader { TRACE_OPERATOR, TRACE_WEBMASTER, TRACE_ADVERTISER, TRACE_READERS };

struct trace_note { /* a reason, a candidate, an entry */
	const char *code, *text;
	bool hidden[TRACE_READERS]; /* from whom */
	const char *operator_text;  /* what no webmaster reads; "" = nothing */
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
	size_t number;          /* among steps of one time */
	int64_t round;          /* of a transfer; -1 elsewhere */
	const char *advertiser; /* whose it is: no other advertiser's page has it; NULL: nobody's */
	const char
	    *text_for[TRACE_READERS]; /* in the place of `text`; "" = the step is not theirs */
};

struct trace {
	struct tool *tool;
	struct db *ledger; /* as it was when it was first read */
	struct arena arena;
	struct lead_id id;
	enum trace_reader reader;
	const char *advertiser;    /* who reads it */
	bool opens;                /* the contact, to show it masked */
	const char *phone, *email; /* masked; NULL: not given, or sealed for ever */
	enum language language;    /* of the texts that webmasters read */
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
/* The last note is not for these. */
void trace_hide(struct trace_step *s, bool webmaster, bool advertiser);
const char *trace_time(struct trace *t, int64_t ms);
const char *trace_money(struct trace *t, const Punnet__V1__Money *m);
const char *trace_from(struct trace *t, const Punnet__V1__Provenance *p);
void trace_sort(struct trace *t); /* into the order in which they are shown */
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

/* --- by other signs (trace_search.c) --- */

#define TRACE_FOUND_MAX 20

struct trace_wanted { /* one of the first four */
	const char *click_id, *idempotency_key, *phone, *email;
	const char *webmaster; /* "" = any; an idempotency key is one webmaster's */
	const char *country;   /* of a phone without a calling code */
	int64_t from_ms, to_ms;
};
struct trace_found {
	struct lead_id ids[TRACE_FOUND_MAX];
	size_t count;
};
/* Leads that were received in the range, the first TRACE_FOUND_MAX of them. */
_must_use_ enum result trace_search(struct trace *t, const struct trace_wanted *w,
				    struct trace_found *ret);

/* --- a page for the disputing party (trace_html.c) --- */

/* Written to a file. Without --operator it holds only what the party may know: a webmaster its payout, an advertiser its price,
 * nobody another's orders, the facts, or what is said to operators. */
/* The contact, masked, where the network's keys still open it. */
void trace_open_contact(struct trace *t, const Punnet__V1__RawLead *raw);
_must_use_ enum result trace_write_html(struct trace *t, const char *path);

/* --- the ledger (trace_ledger.c) --- */

_must_use_ enum result trace_ledger(struct trace *t);

/* --- the topics (trace_topics.c); *ret_known is false when the lead was never received --- */

_must_use_ enum result trace_topics(struct trace *t, bool *ret_known);

#endif
