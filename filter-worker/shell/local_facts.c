/* local_facts: see local_facts.h. */
#include "local_facts.h"

#include "lead/contact.h"
#include "phone_number.h"

static void look_at_phone(const Punnet__V1__Contact *contact, const char *country, struct arena *a,
			  struct facts *ret)
{
	struct phone_number number;

	if (!contact->phone[0] || !phone_number_look(contact->phone, country, &number))
		return;
	facts_set_text(ret, FACT_PHONE_NUMBER, slice_cstr(number.standing));
	if (number.region[0])
		facts_set_text(ret, FACT_PHONE_REGION, arena_dup(a, slice_cstr(number.region)));
	if (number.line)
		facts_set_text(ret, FACT_PHONE_LINE, slice_cstr(number.line));
}

static void look_at_email(const Punnet__V1__Contact *contact, struct facts *ret)
{
	char normalised[EMAIL_TEXT_MAX + 1];
	enum email_form form;

	if (!contact->email[0])
		return;
	form = email_normalise(slice_cstr(contact->email), normalised);
	facts_set_text(ret, FACT_EMAIL_FORM,
		       form == EMAIL_OK ? SLICE("ok") : slice_cstr(email_form_code(form)));
}

static void look_at_submission(const Punnet__V1__Submission *s, struct facts *ret)
{
	if (!s)
		return;
	if (s->filled_case == PUNNET__V1__SUBMISSION__FILLED_FILLED_MS)
		facts_set_number(ret, FACT_FILLED_MS, s->filled_ms);
	if (s->honeypot_case == PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED)
		facts_set_number(ret, FACT_HONEYPOT, s->honeypot_filled ? 1 : 0);
}

static void look_at_lists(const struct suppressions *suppressions,
			  const Punnet__V1__Fingerprints *f, struct arena *a, struct facts *ret)
{
	struct slice list;

	if (!suppressions || (f->phone.len == 0 && f->email.len == 0))
		return;
	list = suppressions_list(suppressions, codec_bytes(f->phone), codec_bytes(f->email));
	/* A copy: the lists are made anew while verdicts wait to be published. */
	facts_set_text(ret, FACT_SUPPRESSION, list.len > 0 ? arena_dup(a, list) : SLICE("none"));
}

void local_facts_gather(const struct suppressions *suppressions, const Punnet__V1__RawLead *raw,
			const Punnet__V1__Contact *contact, struct arena *a, struct facts *ret)
{
	*ret = (struct facts){0};
	facts_set_bytes(ret, FACT_LEAD_ID, codec_bytes(raw->lead_id));
	facts_set_number(ret, FACT_RECEIVED_AT, raw->lead->received_at_ms);
	facts_set_text(ret, FACT_VERTICAL, slice_cstr(raw->lead->vertical));
	look_at_submission(raw->submission, ret);
	look_at_lists(suppressions, raw->fingerprints, a, ret);
	if (!contact)
		return;
	look_at_phone(contact, raw->lead->country, a, ret);
	look_at_email(contact, ret);
}
