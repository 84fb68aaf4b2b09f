/* mx: see mx.h. */
#include "mx.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "mx_dns.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

/* Most addresses are theirs, and nobody need be asked whether they take mail. */
static const char *const providers[] = {
    "gmail.com",      "googlemail.com", "mail.ru",        "yandex.ru",     "ya.ru",
    "yandex.com",     "yandex.by",      "yandex.kz",      "bk.ru",         "inbox.ru",
    "list.ru",        "internet.ru",    "rambler.ru",     "lenta.ru",      "ro.ru",
    "autorambler.ru", "myrambler.ru",   "outlook.com",    "hotmail.com",   "live.com",
    "msn.com",        "outlook.de",     "outlook.fr",     "hotmail.co.uk", "hotmail.fr",
    "live.ru",        "yahoo.com",      "ymail.com",      "yahoo.co.uk",   "yahoo.fr",
    "yahoo.de",       "aol.com",        "icloud.com",     "me.com",        "mac.com",
    "gmx.de",         "gmx.net",        "gmx.com",        "web.de",        "t-online.de",
    "freenet.de",     "proton.me",      "protonmail.com", "orange.fr",     "wanadoo.fr",
    "free.fr",        "libero.it",      "virgilio.it",    "wp.pl",         "o2.pl",
    "onet.pl",        "interia.pl",     "seznam.cz",      "ukr.net",       "i.ua",
    "mail.com",       "zoho.com",       "comcast.net",    "verizon.net",   "att.net",
    "qq.com",         "163.com",        "126.com",        "naver.com",     "uol.com.br",
};

struct known {
	int64_t until_ms;
	enum mx_mail mail;
};

struct generation {
	struct map domains; /* struct known */
	struct arena arena;
};

struct lookup {
	uint64_t round; /* the batch that waits for it; no later one does */
	size_t len;
	char domain[EMAIL_TEXT_MAX + 1];
};

struct mx {
	struct mx_options o;
	struct mx_dns *dns; /* NULL: nobody is asked */
	struct generation taught, current, previous;
	struct map under_way; /* domain → struct lookup */
	uint64_t round;
	size_t awaited; /* of this round */
	struct lookup *fresh[MX_IN_FLIGHT_MAX];
	struct mx_note notes[MX_IN_FLIGHT_MAX]; /* to be read, and later to be put */
	size_t fresh_count, note_count;
	int64_t saved_us, counted_us; /* what may still be waited; when that was true */
	unsigned silent_waits;
	uint64_t replies; /* when the DNS was last looked at */
};

static const char *const texts[] = {
    [MX_SERVERS] = "mx",
    [MX_ADDRESS_ONLY] = "address_only",
    [MX_NONE] = "none",
    [MX_NULL] = "null_mx",
};

const char *mx_mail_text(enum mx_mail mail)
{
	assert((unsigned)mail < ARRAY_LEN(texts));
	return texts[mail];
}

bool mx_mail_from_text(struct slice text, enum mx_mail *ret)
{
	for (size_t i = MX_SERVERS; i < ARRAY_LEN(texts); i++) {
		if (slice_is(text, texts[i])) {
			*ret = (enum mx_mail)i;
			return true;
		}
	}
	return false;
}

struct slice mx_domain(const char *email, char ret[EMAIL_TEXT_MAX + 1])
{
	const char *at;

	if (!email || !email[0] || email_normalise(slice_cstr(email), ret) != EMAIL_OK)
		return (struct slice){0};
	at = strrchr(ret, '@');
	return at ? slice_cstr(at + 1) : (struct slice){0};
}

/* --- memory --- */

static int64_t now_ms(const struct mx *m)
{
	return m->o.now_ms ? m->o.now_ms() : clock_monotonic_ms();
}

static void generation_free(struct generation *g)
{
	map_free(&g->domains);
	arena_free(&g->arena);
	*g = (struct generation){0};
}

static void put(struct generation *g, struct slice domain, enum mx_mail mail, int64_t until_ms)
{
	struct known *known = map_get(&g->domains, domain);

	if (!known) {
		known = arena_alloc(&g->arena, sizeof(*known));
		map_put(&g->domains, domain, known);
	}
	*known = (struct known){.until_ms = until_ms, .mail = mail};
}

static void remember(struct mx *m, struct slice domain, enum mx_mail mail, int64_t until_ms)
{
	if (map_count(&m->current.domains) >= MX_REMEMBERED_MAX / 2) {
		generation_free(&m->previous);
		m->previous = m->current;
		m->current = (struct generation){0};
	}
	put(&m->current, domain, mail, until_ms);
}

/* NULL: nothing is known, or not any more. */
static const struct known *recall(const struct mx *m, struct slice domain)
{
	const struct known *known = map_get(&m->taught.domains, domain);

	if (!known)
		known = map_get(&m->current.domains, domain);
	if (!known)
		known = map_get(&m->previous.domains, domain);
	return known && known->until_ms > now_ms(m) ? known : NULL;
}

static bool is_known(struct mx *m, struct slice domain)
{
	const struct known *known = recall(m, domain);

	if (!known)
		return false;
	/* What is still asked for outlives its generation. */
	if (known == map_get(&m->previous.domains, domain))
		remember(m, domain, known->mail, known->until_ms);
	return true;
}

static int64_t lifetime_ms(enum mx_mail mail)
{
	static const int64_t lifetimes[] = {
	    [MX_UNKNOWN] = MX_FAILED_MS, [MX_SERVERS] = MX_GOOD_MS, [MX_ADDRESS_ONLY] = MX_GOOD_MS,
	    [MX_NONE] = MX_BAD_MS,       [MX_NULL] = MX_BAD_MS,
	};

	return lifetimes[mail];
}

/* --- lookups --- */

static struct slice domain_of(const struct lookup *l)
{
	return slice_of(l->domain, l->len);
}

static void begin(struct mx *m, struct slice domain)
{
	struct lookup *l;

	if (map_get(&m->under_way, domain))
		return;
	if (map_count(&m->under_way) == MX_IN_FLIGHT_MAX) {
		metric_add(METRIC_FILTER_MX_UNASKED, 1);
		return;
	}
	l = calloc(1, sizeof(*l));
	assert(l && domain.len < sizeof(l->domain));
	l->round = m->round;
	l->len = domain.len;
	memcpy(l->domain, domain.data, domain.len);
	map_put(&m->under_way, domain, l);
	m->fresh[m->fresh_count++] = l;
	m->awaited++;
}

static void end(struct mx *m, struct lookup *l, enum mx_mail mail, int64_t lifetime)
{
	remember(m, domain_of(l), mail, now_ms(m) + lifetime);
	map_remove(&m->under_way, domain_of(l));
	if (l->round == m->round)
		m->awaited--;
	free(l);
}

static struct mx_note note_of(const struct mx *m, const struct lookup *l)
{
	struct mx_note note = {0};
	struct fingerprint f = fingerprint_of(m->o.key, FINGERPRINT_MAIL_DOMAIN, domain_of(l));

	memcpy(note.key, f.bytes, sizeof(note.key));
	return note;
}

static bool keeps_notes(const struct mx *m)
{
	return m->o.key && m->o.notes.get;
}

static void heard(void *ctx, void *token, enum mx_mail mail)
{
	struct mx *m = ctx;
	struct lookup *l = token;

	if (mail == MX_UNKNOWN) {
		metric_add(METRIC_FILTER_MX_FAILED, 1); /* nobody else need be told */
	} else if (keeps_notes(m) && m->note_count < MX_IN_FLIGHT_MAX) {
		struct mx_note *note = &m->notes[m->note_count++];

		*note = note_of(m, l);
		note->mail = (uint8_t)mail;
		note->ttl_ms = lifetime_ms(mail);
	}
	end(m, l, mail, lifetime_ms(mail));
}

/* What other workers have learned of the fresh ones need not be asked again. */
static void read_notes(struct mx *m)
{
	struct mx_note notes[MX_IN_FLIGHT_MAX];
	size_t left = 0;

	if (!keeps_notes(m) || m->fresh_count == 0)
		return;
	for (size_t i = 0; i < m->fresh_count; i++)
		notes[i] = note_of(m, m->fresh[i]);
	m->o.notes.get(m->o.notes.ctx, notes, m->fresh_count);
	for (size_t i = 0; i < m->fresh_count; i++) {
		if (notes[i].mail == MX_UNKNOWN || notes[i].mail > MX_NULL) {
			m->fresh[left++] = m->fresh[i];
			continue;
		}
		metric_add(METRIC_FILTER_MX_NOTED, 1);
		end(m, m->fresh[i], (enum mx_mail)notes[i].mail, MX_COPY_MS);
	}
	m->fresh_count = left;
}

static void put_notes(struct mx *m)
{
	if (m->note_count > 0)
		m->o.notes.put(m->o.notes.ctx, m->notes, m->note_count);
	m->note_count = 0;
}

/* --- waiting --- */

static void heed_replies(struct mx *m)
{
	if (mx_dns_replies(m->dns) == m->replies)
		return;
	m->replies = mx_dns_replies(m->dns);
	m->silent_waits = 0;
}

static int64_t may_wait_us(struct mx *m, int64_t now_us)
{
	int64_t wait_us = m->o.wait_ms * 1000;

	m->saved_us = MIN_OF(m->saved_us + (now_us - m->counted_us) / MX_WAIT_SHARE,
			     wait_us * MX_WAITS_SAVED);
	m->counted_us = now_us;
	return m->silent_waits < MX_SILENT_WAITS ? MIN_OF(wait_us, m->saved_us) : 0;
}

static void wait_for_answers(struct mx *m)
{
	int64_t began_us = clock_monotonic_us();
	int64_t most_us = may_wait_us(m, began_us), waited_us = 0;

	if (m->awaited == 0)
		return;
	while (m->awaited > 0 && waited_us < most_us) {
		mx_dns_hear(m->dns, (most_us - waited_us + 999) / 1000);
		waited_us = clock_monotonic_us() - began_us;
	}
	m->saved_us -= waited_us;
	if (m->awaited > 0 && most_us > 0)
		m->silent_waits++;
	metric_observe_us(METRIC_FILTER_MX_WAIT, waited_us);
	metric_add(METRIC_FILTER_MX_LATE, (int64_t)m->awaited);
}

void mx_learn(struct mx *m, const struct slice *domains, size_t count)
{
	if (!m->dns)
		return;
	m->round++;
	m->awaited = m->fresh_count = 0;
	mx_dns_hear(m->dns, 0); /* what has come since the last batch */
	heed_replies(m);
	for (size_t i = 0; i < count; i++) {
		if (is_known(m, domains[i]))
			metric_add(METRIC_FILTER_MX_KNOWN, 1);
		else
			begin(m, domains[i]);
	}
	read_notes(m);
	metric_add(METRIC_FILTER_MX_LOOKUPS, (int64_t)m->fresh_count);
	for (size_t i = 0; i < m->fresh_count; i++)
		mx_dns_ask(m->dns, domain_of(m->fresh[i]), m->fresh[i]);
	wait_for_answers(m);
	heed_replies(m);
	put_notes(m);
}

enum mx_mail mx_answer(const struct mx *m, struct slice domain)
{
	const struct known *known = recall(m, domain);

	return known ? known->mail : MX_UNKNOWN;
}

void mx_teach(struct mx *m, struct slice domain, enum mx_mail mail)
{
	put(&m->taught, domain, mail, INT64_MAX);
}

struct mx *mx_open(const struct mx_options *o, struct error *ret_error)
{
	struct mx *m = calloc(1, sizeof(*m));

	assert(m && o->wait_ms >= 0);
	m->o = *o;
	m->saved_us = o->wait_ms * 1000 * MX_WAITS_SAVED;
	m->counted_us = clock_monotonic_us();
	for (size_t i = 0; i < ARRAY_LEN(providers); i++)
		mx_teach(m, slice_cstr(providers[i]), MX_SERVERS);
	if (o->no_dns)
		return m;
	m->dns = mx_dns_open(o->servers, heard, m, ret_error);
	if (m->dns)
		return m;
	mx_close(m);
	return NULL;
}

void mx_close(struct mx *m)
{
	if (!m)
		return;
	mx_dns_close(m->dns); /* gives back what was under way */
	map_free(&m->under_way);
	generation_free(&m->taught);
	generation_free(&m->current);
	generation_free(&m->previous);
	free(m);
}
