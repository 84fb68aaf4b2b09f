/* mx: whether the domains of e-mail addresses take mail, as the DNS says, and a memory of it.
 *
 * A batch tells its domains (mx_learn), waits a short while for those that nobody has asked about yet, and then reads what is
 * known (mx_answer). What is not known by then is MX_UNKNOWN: never a sign against a lead. Lookups go on by themselves and
 * are heard at the next call, so the next lead of that domain knows. No thread, and no lead waits for a DNS that is dead:
 * waits have an end, together take at most a share of the time, and stop while nothing is heard at all. */
#ifndef PUNNET_MX_H
#define PUNNET_MX_H

#include "base/result.h"
#include "base/slice.h"
#include "lead/contact.h"
#include "lead/fingerprint.h"

/* Domains asked about at once; further ones are asked about by a later batch. */
#define MX_IN_FLIGHT_MAX 512
/* Domains remembered, in two generations: the older one is forgotten whole. */
#define MX_REMEMBERED_MAX 50000
/* How long: it takes mail; it takes none (somebody may be setting it up); no answer, until it is asked about again; what
 * another worker noted, short so that it hardly outlives its own time. */
#define MX_GOOD_MS   (6 * MS_PER_HOUR)
#define MX_BAD_MS    MS_PER_HOUR
#define MX_FAILED_MS MS_PER_MIN
#define MX_COPY_MS   (10 * MS_PER_MIN)
/* Of the time that passes at most a fourth is spent waiting; what was not spent is saved up, for ten whole waits. */
#define MX_WAIT_SHARE  4
#define MX_WAITS_SAVED 10
/* After so many waits in vain nobody waits, until anything is heard again. */
#define MX_SILENT_WAITS 3

/* The value is what stands in notes: never renumber. */
enum mx_mail {
	MX_UNKNOWN,
	MX_SERVERS,      /* it has an MX */
	MX_ADDRESS_ONLY, /* it has none, and an address that mail goes to: RFC 5321, 5.1 */
	MX_NONE,         /* no such domain, or neither MX nor address */
	MX_NULL,         /* it says that it takes no mail: RFC 7505 */
};

const char *mx_mail_text(enum mx_mail mail); /* as in the fact; NULL for MX_UNKNOWN */
_must_use_ bool mx_mail_from_text(struct slice text, enum mx_mail *ret);

/* What workers tell each other, through a store of the caller's. A domain may be a person's own: its keyed fingerprint
 * stands for it. */
struct mx_note {
	uint8_t key[FINGERPRINT_LEN];
	uint8_t mail;   /* an mx_mail; 0: not noted */
	int64_t ttl_ms; /* when put */
};
struct mx_notes {
	/* Fills in `mail`. What fails leaves it 0, and the DNS is asked. */
	void (*get)(void *ctx, struct mx_note *notes, size_t count);
	void (*put)(void *ctx, const struct mx_note *notes, size_t count);
	void *ctx;
};

struct mx_options {
	const char *servers; /* "host:port,host:port", numeric; empty: the system's */
	bool no_dns;     /* nobody is asked: it knows what it is taught, for scenarios and tests */
	int64_t wait_ms; /* for one batch; 0: never */
	const uint8_t *key;      /* FINGERPRINT_KEY_LEN; NULL: no notes */
	struct mx_notes notes;   /* get NULL: none */
	int64_t (*now_ms)(void); /* NULL: clock_monotonic_ms() */
};

struct mx;
struct mx *mx_open(const struct mx_options *o, struct error *ret_error); /* borrows the key */
void mx_close(struct mx *m);

/* The domain of an address in the DNS's spelling, within ret; empty: no address, or not well formed. */
struct slice mx_domain(const char *email, char ret[EMAIL_TEXT_MAX + 1]);
/* Domains may repeat. */
void mx_learn(struct mx *m, const struct slice *domains, size_t count);
enum mx_mail mx_answer(const struct mx *m, struct slice domain);
/* Known from now on, and for ever. */
void mx_teach(struct mx *m, struct slice domain, enum mx_mail mail);

#endif
