/* mailbox: see mailbox.h. */
#include "mailbox.h"

/* The front door leaves addresses normalised where they are well formed; of what it leaves as typed, only the case is mended. */
static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.data[i] <= ' ' || (unsigned char)s.data[i] >= 0x7F)
			return false;
	}
	return true;
}

bool mailbox_read(const Punnet__V1__Contact *contact, struct mailbox *ret)
{
	struct slice typed = contact ? slice_cstr(contact->email) : (struct slice){0};
	const char *at;

	if (typed.len == 0 || typed.len > EMAIL_TEXT_MAX)
		return false;
	if (is_plain(typed))
		memcpy(ret->text, typed.data, typed.len + 1);
	else if (email_normalise(typed, ret->text) != EMAIL_OK)
		return false;
	for (char *c = ret->text; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
	at = strrchr(ret->text, '@');
	if (!at || at == ret->text || at[1] == '\0')
		return false;
	ret->local = slice_of(ret->text, (size_t)(at - ret->text));
	ret->domain = slice_cstr(at + 1);
	return true;
}
