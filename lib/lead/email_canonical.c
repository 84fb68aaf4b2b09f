/* contact, e-mails: one spelling for each mailbox, where the provider is known to deliver several spellings to one.
 *
 * What is ignored is the providers' own word: Gmail ignores dots and what follows a plus; Outlook, iCloud and Fastmail what
 * follows a plus (subaddressing, RFC 5233); Proton that, dots, hyphens and underscores; Yandex that, and a dot is a hyphen
 * to it. Domains of one provider that lead to the same mailbox become its first. All others are left alone: dots and
 * pluses may mean different people there. */
#include "contact.h"

enum { DOTS_GO = 1, HYPHENS_GO = 2, DOTS_ARE_HYPHENS = 4 };

static const struct {
	struct slice domain, mailbox_domain;
	unsigned rules;
} providers[] = {
    {SLICE("gmail.com"), SLICE("gmail.com"), DOTS_GO},
    {SLICE("googlemail.com"), SLICE("gmail.com"), DOTS_GO},
    {SLICE("outlook.com"), SLICE("outlook.com"), 0},
    {SLICE("hotmail.com"), SLICE("hotmail.com"), 0},
    {SLICE("live.com"), SLICE("live.com"), 0},
    {SLICE("icloud.com"), SLICE("icloud.com"), 0},
    {SLICE("me.com"), SLICE("icloud.com"), 0},
    {SLICE("fastmail.com"), SLICE("fastmail.com"), 0},
    {SLICE("proton.me"), SLICE("proton.me"), DOTS_GO | HYPHENS_GO},
    {SLICE("protonmail.com"), SLICE("proton.me"), DOTS_GO | HYPHENS_GO},
    {SLICE("pm.me"), SLICE("proton.me"), DOTS_GO | HYPHENS_GO},
    {SLICE("yandex.ru"), SLICE("yandex.ru"), DOTS_ARE_HYPHENS},
    {SLICE("ya.ru"), SLICE("yandex.ru"), DOTS_ARE_HYPHENS},
    {SLICE("yandex.com"), SLICE("yandex.ru"), DOTS_ARE_HYPHENS},
    {SLICE("yandex.by"), SLICE("yandex.ru"), DOTS_ARE_HYPHENS},
    {SLICE("yandex.kz"), SLICE("yandex.ru"), DOTS_ARE_HYPHENS},
};

static size_t write_local(struct slice local, unsigned rules, char *ret)
{
	size_t len = 0;

	for (size_t i = 0; i < local.len && (local.data[i] != '+' || i == 0); i++) {
		char c = local.data[i];

		if (c == '.' && (rules & DOTS_GO))
			continue;
		if ((c == '-' || c == '_') && (rules & HYPHENS_GO))
			continue;
		ret[len++] = c == '.' && (rules & DOTS_ARE_HYPHENS) ? '-' : c;
	}
	return len;
}

bool email_canonical(struct slice normalised, char ret[EMAIL_TEXT_MAX + 1])
{
	const char *at = normalised.len > 0 ? memrchr(normalised.data, '@', normalised.len) : NULL;
	struct slice local, domain;

	if (!at || normalised.len > EMAIL_TEXT_MAX)
		return false;
	local = slice_of(normalised.data, (size_t)(at - normalised.data));
	domain = slice_of(at + 1, normalised.len - local.len - 1);
	for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
		struct slice own = providers[i].mailbox_domain;
		size_t len;

		if (!slice_equal(domain, providers[i].domain))
			continue;
		len = write_local(local, providers[i].rules, ret);
		if (len == 0 || len + 1 + own.len > EMAIL_TEXT_MAX)
			return false;
		ret[len] = '@';
		memcpy(ret + len + 1, own.data, own.len);
		ret[len + 1 + own.len] = '\0';
		return true;
	}
	return false;
}
