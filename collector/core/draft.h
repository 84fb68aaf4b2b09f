/* draft: a lead as it was sent, on its way to being taken.
 *
 *     read (JSON or form) -> check (all faults at once) -> raw_lead.h builds the record
 *
 * Pure. A draft points into the body and the arena that it was read with. The members and their limits are the table
 * in fields.def. A member that is null, or an empty text, counts as not given. */
#ifndef PUNNET_COLLECTOR_DRAFT_H
#define PUNNET_COLLECTOR_DRAFT_H

#include "base/arena.h"
#include "base/json.h"
#include "lead/contact.h"
#include "problem.h"
#include "proto/directory.pb-c.h"

enum field_kind {
	FIELD_KIND_TEXT,
	FIELD_KIND_COUNTRY,
	FIELD_KIND_IP,
	FIELD_KIND_TIME,
	FIELD_KIND_UINT,
	FIELD_KIND_FLAG,
	FIELD_KIND_HEX,
	FIELD_KIND_LANGUAGE,
	FIELD_KIND_HONEYPOT,
	FIELD_KIND_LIST,
	FIELD_KIND_OBJECT,
};

enum lead_field {
#define FIELD(name, text, kind, max, help) LEAD_FIELD_##name,
#include "fields.def"
#undef FIELD
	LEAD_FIELD_COUNT
};

struct field_spec {
	struct slice name;
	enum field_kind kind;
	uint32_t max;
	const char *help;
};
extern const struct field_spec lead_fields[LEAD_FIELD_COUNT];

#define DRAFT_LIST_MAX        64 /* entries of pasted_fields and focused_fields */
#define DRAFT_FIELDS_MAX      64 /* members of `fields`, unknown ones included */
#define DRAFT_FIELD_NAME_MAX  64
#define DRAFT_FIELD_VALUE_MAX 4096
#define DRAFT_FORM_PAIRS_MAX  256
#define DRAFT_PAGE_MAX        2048 /* of landing_url and referrer, see fields.def */
#define DRAFT_GUESSES         64
#define DRAFT_TIME_LEAST_MS   946684800000LL /* 2000-01-01: before it a time is a mistake */

struct draft_value {
	bool given;
	bool wrong; /* given, but of another type: a fault says so */
	struct slice text;
	int64_t number;
};

struct draft_list {
	struct slice items[DRAFT_LIST_MAX];
	size_t count;
};

enum draft_type { DRAFT_TEXT, DRAFT_INTEGER, DRAFT_DECIMAL, DRAFT_FLAG, DRAFT_JSON };

/* Clients write the members of every lead in one order: which field stood at each place in the lead before. A guess that
 * is compared, no more. */
struct draft_guesses {
	uint8_t field[DRAFT_GUESSES];
};

/* One member of `fields`. */
struct draft_field {
	struct slice name;
	enum draft_type type;
	struct slice text; /* DRAFT_TEXT, DRAFT_DECIMAL, DRAFT_JSON */
	int64_t integer;   /* DRAFT_INTEGER, DRAFT_FLAG */
	bool top;          /* stood at the top level, and no member of a lead is called so */
};

/* Zero-initialised is ready; to be used again from lead to lead. */
struct draft {
	struct draft_guesses guesses;
	bool form; /* came as a form: every value is a text, to be converted */
	bool may_hold_nul;
	struct draft_value v[LEAD_FIELD_COUNT];
	struct draft_list pasted, focused;
	struct draft_field fields[DRAFT_FIELDS_MAX];
	size_t field_count;
	/* made by draft_check() */
	enum phone_form phone_form;
	char phone[PHONE_TEXT_MAX];
	char email[EMAIL_TEXT_MAX + 1];
	char country[3];
	char landing_url[DRAFT_PAGE_MAX],
	    referrer[DRAFT_PAGE_MAX]; /* without the person, if he was in them */
};

/* false: the body can't be read at all, and *ret_why says why; nothing else may be done with the draft. Members that are
 * of a wrong type are faults. */
_must_use_ bool draft_read_json(struct draft *d, struct arena *a, struct slice body,
				struct faults *f, const char **ret_why);
/* For texts that hold more than the lead: each member is offered to `own` first, and the lead does without those that it
 * keeps (true). */
typedef bool (*draft_own_fn)(void *ctx, const struct json *member);
_must_use_ bool draft_read_json_beside(struct draft *d, struct arena *a, struct slice body,
				       draft_own_fn own, void *ctx, struct faults *f,
				       const char **ret_why);
_must_use_ bool draft_read_form(struct draft *d, struct arena *a, struct slice body,
				struct faults *f, const char **ret_why);

struct draft_context {
	const Punnet__V1__Vertical *vertical; /* NULL: there is none of that name */
	const char *default_country;          /* the webmaster's, may be empty */
	bool strict;                          /* unknown members are faults */
	int64_t now_ms;
};

/* Adds every fault; normalises in place what is right. */
void draft_check(struct draft *d, const struct draft_context *context, struct faults *f);

/* Shared by the readers and by verdicts. */
struct slice draft_text(const struct draft *d, enum lead_field field);
/* Whether a NUL stands in what was read with the draft. */
static inline bool draft_has_nul(const struct draft *d, struct slice text)
{
	return d->may_hold_nul && text.len > 0 && memchr(text.data, '\0', text.len);
}

#endif
