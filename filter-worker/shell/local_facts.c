/* local_facts: see local_facts.h. */
#include "local_facts.h"

#include "filter-worker/core/filter.h"
#include "filter-worker/core/ip_data.h"
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

static void look_at_suppressions(const struct suppressions *suppressions,
				 const Punnet__V1__Fingerprints *f, struct arena *a,
				 struct facts *ret)
{
	struct slice list;

	if (!suppressions || (f->phone.len == 0 && f->email.len == 0))
		return;
	list = suppressions_list(suppressions, codec_bytes(f->phone), codec_bytes(f->email),
				 codec_bytes(f->mailbox));
	/* A copy: the lists are made anew while verdicts wait to be published. */
	facts_set_text(ret, FACT_SUPPRESSION, list.len > 0 ? arena_dup(a, list) : SLICE("none"));
}

void local_facts_ask(const struct local_sources *from, const Punnet__V1__Contact *const *contacts,
		     size_t count, struct arena *scratch)
{
	struct slice *domains;
	size_t asked = 0;

	if (!from->mx)
		return;
	domains = arena_alloc(scratch, count * sizeof(*domains));
	for (size_t i = 0; i < count; i++) {
		char address[EMAIL_TEXT_MAX + 1];
		struct slice domain = {0};

		if (contacts[i])
			domain = mx_domain(contacts[i]->email, address);
		if (domain.len > 0)
			domains[asked++] = arena_dup(scratch, domain);
	}
	mx_learn(from->mx, domains, asked);
}

static void look_at_mail_domain(struct mx *mx, const Punnet__V1__Contact *contact,
				struct facts *ret)
{
	char address[EMAIL_TEXT_MAX + 1];
	struct slice domain = mx_domain(contact->email, address);
	enum mx_mail mail = domain.len > 0 ? mx_answer(mx, domain) : MX_UNKNOWN;

	if (mail != MX_UNKNOWN)
		facts_set_text(ret, FACT_EMAIL_DOMAIN_MAIL, slice_cstr(mx_mail_text(mail)));
}

/* What the data does not know of a network is not set; kind and hiding always are, for their words say "unknown" and "none". */
static void look_at_address(const struct lists *lists, const char *text, struct arena *a,
			    struct facts *ret)
{
	struct ip_address address;
	struct ip_known known;

	if (!lists || !lists->ip || !text[0] || !ip_address_read(text, &address))
		return;
	ip_data_look(lists->ip, &address, &known);
	if (known.country[0])
		facts_set_text(ret, FACT_IP_COUNTRY, arena_dup(a, slice_cstr(known.country)));
	if (known.asn)
		facts_set_number(ret, FACT_IP_ASN, known.asn);
	facts_set_text(ret, FACT_IP_NETWORK, ip_network_text(known.network));
	facts_set_text(ret, FACT_IP_ANONYMOUS, ip_anonymous_text(known.anonymous));
}

void local_facts_gather(const struct local_sources *from, const Punnet__V1__RawLead *raw,
			const Punnet__V1__Contact *contact, struct arena *a, struct facts *ret)
{
	struct verdict_sums verdicts;
	bool judged_before =
	    from->verdicts && verdict_book_look(from->verdicts, slice_cstr(raw->lead->vertical),
						slice_cstr(raw->lead->aff_id), &verdicts);
	const struct sight sight = {
	    .raw = raw,
	    .contact = contact,
	    .lists = from->lists,
	    .verdicts = judged_before ? &verdicts : NULL,
	    .digest_key = from->digest_key,
	    .arena = a,
	};

	*ret = (struct facts){0};
	facts_set_bytes(ret, FACT_LEAD_ID, codec_bytes(raw->lead_id));
	facts_set_number(ret, FACT_RECEIVED_AT, raw->lead->received_at_ms);
	facts_set_text(ret, FACT_VERTICAL, slice_cstr(raw->lead->vertical));
	facts_set_text(ret, FACT_WEBMASTER, slice_cstr(raw->lead->aff_id));
	look_at_suppressions(from->suppressions, raw->fingerprints, a, ret);
	if (contact) {
		look_at_phone(contact, raw->lead->country, a, ret);
		look_at_address(from->lists, contact->ip, a, ret);
	}
	if (contact && from->mx)
		look_at_mail_domain(from->mx, contact, ret);
	for (size_t i = 0; i < filter_count; i++) {
		if (filters[i]->look)
			filters[i]->look(&sight, ret);
	}
}
