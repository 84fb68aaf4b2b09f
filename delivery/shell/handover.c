/* handover: from a task to the message that goes out, and from the answer to what it said.
 *
 * The contact is opened just before sending and wiped as soon as the message is written; the message itself is wiped when
 * the transfer ends. It is opened once more to keep it out of the excerpt of the answer. */
#include <sodium.h>
#include <stdlib.h>

#include "delivery/channels/email.h"
#include "delivery/core/echo.h"
#include "digest.h"
#include "internal.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"

static void contact_values(const Punnet__V1__Contact *c, struct slice ret[EXCERPT_VALUES_MAX],
			   size_t *ret_count)
{
	const char *values[] = {c->phone,      c->email,      c->name,
				c->first_name, c->last_name,  c->middle_name,
				c->ip,         c->consent_ip, c->phone_typed};

	*ret_count = ARRAY_LEN(values);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		ret[i] = slice_cstr(values[i]);
}

static void contact_wipe(const Punnet__V1__Contact *c)
{
	struct slice values[EXCERPT_VALUES_MAX];
	size_t count;

	if (!c)
		return;
	contact_values(c, values, &count);
	/* protobuf's own empty string is read-only */
	for (size_t i = 0; i < count; i++)
		if (values[i].len > 0)
			sodium_memzero((char *)values[i].data, values[i].len);
}

static const Punnet__V1__RoutedLead *routed_of(struct delivery *d, const struct task *t)
{
	const Punnet__V1__RoutedLead *routed;

	arena_reset(&d->handover_arena);
	routed = codec_unpack(&d->handover_arena, &punnet__v1__routed_lead__descriptor,
			      slice_of(t->value, t->value_len));
	assert(routed); /* it could be read when it was taken */
	return routed;
}

static bool refuse(struct attempt_said *ret_said, enum attempt_result result, enum reason reason)
{
	*ret_said = (struct attempt_said){.result = result, .reason = reason};
	return false;
}

/* An order's advertiser has secrets; nobody else's can be named. */
struct secrets {
	struct delivery *d;
	struct slice advertiser_id;
};

static struct slice secret_of(void *ctx, struct slice name)
{
	const struct secrets *s = ctx;

	return credentials_get(&s->d->credentials, s->advertiser_id, name, clock_monotonic_ms());
}

static bool say_composed(enum compose c, const struct task *t, struct outgoing *ret,
			 struct attempt_said *ret_said)
{
	if (c == COMPOSE_DONE)
		return true;
	message_wipe(&ret->message);
	if (c == COMPOSE_TOO_LARGE)
		return refuse(ret_said, ATTEMPT_PERMFAIL, REASON_DELIVERY_ENDPOINT_INVALID);

	log_error("credential_missing", LOG_STR("advertiser", t->advertiser->id),
		  LOG_LEAD(&t->lead_id));
	return refuse(ret_said, ATTEMPT_TEMPFAIL, REASON_DELIVERY_CREDENTIAL_MISSING);
}

static enum compose compose_query(struct delivery *d, const struct handover *h,
				  struct outgoing *ret)
{
	struct status_query query;
	enum result r = endpoint_read_query(ret->way->endpoint.query, d->settings.answer_timeout_ms,
					    &query, NULL);

	assert(r == RESULT_OK); /* it was read with the settings */
	ret->timeout_ms = query.timeout_ms;
	return ret->way->channel->ask(h, &ret->way->endpoint, &query, &ret->message,
				      ret->query_url);
}

/* A task's lead with its contact open: contact_wipe(). */
static enum opened handover_open(struct delivery *d, const struct task *t,
				 const Punnet__V1__RoutedLead *routed, struct secrets *secrets,
				 struct handover *ret)
{
	Punnet__V1__Assignment *a = routed->assignment;
	Punnet__V1__Contact *contact;
	enum opened opened;

	if (fault_on("retry_key"))
		a->round += 1000 * t->past.attempts;
	*secrets = (struct secrets){d, slice_cstr(a->advertiser_id)};
	*ret = (struct handover){.lead_id = t->lead_id,
				 .routed = routed,
				 .now_ms = t->started_at_ms,
				 .mail_from = d->settings.mail_from ? d->settings.mail_from : "",
				 .secret = secret_of,
				 .secret_ctx = secrets};
	opened =
	    opener_open(&d->opener, &t->lead_id, routed->contact, &d->handover_arena, &contact);
	if (opened != OPENED)
		return opened;
	ret->contact = contact;
	source_pseudonym(keyring_fingerprint_key(d->keyring), slice_cstr(a->aff_id),
			 slice_cstr(a->advertiser_id), ret->source);
	return OPENED;
}

/* --- a digest --- */

static enum compose add_task(struct delivery *d, struct mail_draft *draft, struct task *t,
			     const Punnet__V1__RoutedLead *routed, const struct endpoint *e)
{
	struct secrets secrets;
	struct handover h;
	enum compose c;

	if (handover_open(d, t, routed, &secrets, &h) != OPENED)
		return COMPOSE_TOO_LARGE;
	c = mail_add(draft, &h, e);
	contact_wipe(h.contact);
	return c;
}

/* Whoever can't go along goes by itself, later. */
static void add_members(struct delivery *d, struct mail_draft *draft, struct task *head,
			const struct endpoint *e)
{
	struct task *left = NULL, *t;

	while (draft->leads < MAIL_DIGEST_LEADS_MAX && (t = digest_next(head))) {
		const Punnet__V1__RoutedLead *routed =
		    codec_unpack(&d->handover_arena, &punnet__v1__routed_lead__descriptor,
				 slice_of(t->value, t->value_len));

		assert(routed);
		if (add_task(d, draft, t, routed, e) == COMPOSE_DONE) {
			digest_join(head, t);
			continue;
		}
		t->member_next = left;
		left = t;
	}
	while ((t = left)) {
		left = t->member_next;
		t->member_next = NULL;
		queue_push(t);
	}
}

static enum compose compose_digest(struct delivery *d, const struct handover *h, struct task *t,
				   struct outgoing *ret)
{
	struct mail_draft draft = {0};
	const struct endpoint *e = &ret->way->endpoint;
	enum compose c = mail_add(&draft, h, e);

	if (c == COMPOSE_DONE) {
		add_members(d, &draft, t, e);
		c = mail_finish(&draft, e, h->mail_from, h->now_ms, &ret->message);
		if (c != COMPOSE_DONE)
			task_members_ready(t);
	}
	mail_draft_wipe(&draft);
	return c;
}

static enum compose compose_any(struct delivery *d, const struct handover *h, struct task *t,
				struct outgoing *ret)
{
	const struct endpoint *e = &ret->way->endpoint;

	if (e->mail.to_count > 0 && (!d->settings.mail_relay || !*d->settings.mail_relay))
		return COMPOSE_NO_SECRET;
	if (t->asks)
		return compose_query(d, h, ret);
	if (e->mail.digest_ms > 0)
		return compose_digest(d, h, t, ret);
	return ret->way->channel->compose(h, e, &ret->message);
}

static bool compose(struct delivery *d, struct task *t, const Punnet__V1__RoutedLead *routed,
		    const struct signer *signer, struct outgoing *ret,
		    struct attempt_said *ret_said)
{
	struct secrets secrets;
	struct handover h;
	enum opened opened;
	enum compose c;

	opened = handover_open(d, t, routed, &secrets, &h);
	if (opened != OPENED)
		return refuse(ret_said, ATTEMPT_PERMFAIL,
			      opened == OPEN_ERASED ? REASON_ERASED
						    : REASON_DELIVERY_CONTACT_DESTROYED);

	h.signer = signer;
	c = compose_any(d, &h, t, ret);
	contact_wipe(h.contact);
	if (c == COMPOSE_DONE && *ret->way->endpoint.certificate &&
	    !credentials_certificate(&d->credentials, secrets.advertiser_id,
				     slice_cstr(ret->way->endpoint.certificate), ret->certificate))
		c = COMPOSE_NO_SECRET;
	return say_composed(c, t, ret, ret_said);
}

bool handover_make(struct delivery *d, struct task *t, struct outgoing *ret,
		   struct attempt_said *ret_said)
{
	const Punnet__V1__RoutedLead *routed = routed_of(d, t);
	struct slice advertiser = slice_cstr(routed->assignment->advertiser_id);
	const Punnet__V1__DirectoryEntry *entry =
	    directory_get(d->directory, "advertiser", advertiser);
	const struct signer *signer;

	ret->certificate[0] = 0;
	ret->way =
	    way_of(&d->ways, slice_cstr(routed->delivery_json), d->settings.answer_timeout_ms);
	if (!ret->way->channel) {
		log_warn("endpoint_invalid", LOG_LEAD(&t->lead_id),
			 LOG_STR("order", routed->assignment->order_id),
			 LOG_STR("reason", ret->way->error.text));
		return refuse(ret_said, ATTEMPT_PERMFAIL, REASON_DELIVERY_ENDPOINT_INVALID);
	}
	ret->timeout_ms = ret->way->endpoint.timeout_ms;
	t->channel = ret->way->channel->name;
	t->asks = t->past.ever_unknown && ret->way->endpoint.query;
	if (!entry || !entry->advertiser)
		return refuse(ret_said, ATTEMPT_TEMPFAIL, REASON_DELIVERY_ADVERTISER_UNKNOWN);
	if (entry->advertiser->suspended)
		return refuse(ret_said, ATTEMPT_TEMPFAIL, REASON_DELIVERY_ADVERTISER_SUSPENDED);
	signer = signer_keep(&t->advertiser->signer, keyring_master_key(d->keyring), entry->id,
			     codec_bytes(entry->advertiser->sealed_secret));
	if (!signer) {
		log_error("advertiser_secret_unreadable", LOG_SLICE("advertiser", advertiser));
		return refuse(ret_said, ATTEMPT_TEMPFAIL, REASON_DELIVERY_ADVERTISER_UNKNOWN);
	}
	sender_room(d->sender, &ret->message);
	return compose(d, t, routed, signer, ret, ret_said);
}

static const Punnet__V1__SealedContact *sealed_of(struct delivery *d, const struct task *t)
{
	struct slice bytes;

	if (!codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_CONTACT_FIELD, &bytes))
		return NULL;
	return codec_unpack(&d->handover_arena, &punnet__v1__sealed_contact__descriptor, bytes);
}

/* What the order's price is in. */
static const char *price_currency(struct delivery *d, const struct task *t)
{
	struct slice assignment, price;
	const Punnet__V1__Money *m = NULL;

	if (codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_ASSIGNMENT_FIELD,
		       &assignment) &&
	    codec_find(assignment, ASSIGNMENT_PRICE_FIELD, &price))
		m = codec_unpack(&d->handover_arena, &punnet__v1__money__descriptor, price);
	return m ? m->currency : "";
}

static struct answer_kept *keep(struct delivery *d, struct task *t,
				const struct answer_rules *rules, const struct answer_text *answer)
{
	Punnet__V1__Contact *contact;
	struct slice values[EXCERPT_VALUES_MAX];
	struct answer_kept *kept;
	size_t count = 0;

	if (opener_open(&d->opener, &t->lead_id, sealed_of(d, t), &d->handover_arena, &contact) !=
	    OPENED)
		return NULL; /* what can't be told from a contact is not kept */

	kept = malloc(sizeof(*kept));
	if (!kept)
		abort();
	contact_values(contact, values, &count);
	excerpt_make(answer_words(rules, answer, &d->handover_arena), values, count, kept->excerpt);
	answer_sample_make(answer, values, count, &kept->sample);
	if (echo_is_hidden(answer->body, values, count, false, &d->handover_arena) ||
	    echo_is_hidden(slice_cstr(kept->excerpt), values, count, true, &d->handover_arena) ||
	    echo_is_hidden(slice_cstr(kept->sample.text), values, count, true,
			   &d->handover_arena)) {
		kept->excerpt[0] = '\0';
		kept->sample = (struct answer_sample){.whole = false};
	}
	contact_wipe(contact);
	kept->has_price = *rules->price_pointer &&
			  answer_price(rules, answer, price_currency(d, t), &kept->price_minor);
	return kept;
}

/* Reads of the record only what the answer is judged by. */
struct attempt_said handover_judge(struct delivery *d, struct task *t,
				   struct transport_answer *answer, struct answer_kept **ret_kept)
{
	struct slice delivery_json = {0};
	struct status_query query;
	const struct way *way;
	enum result r = RESULT_OK;

	arena_reset(&d->handover_arena);
	if (!codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_DELIVERY_JSON_FIELD,
			&delivery_json))
		delivery_json = (struct slice){0};
	way = way_of(&d->ways, delivery_json, d->settings.answer_timeout_ms);
	assert(way->channel); /* the same text was read when it was sent */
	if (t->asks)
		r = endpoint_read_query(way->endpoint.query, way->endpoint.timeout_ms, &query,
					NULL);
	assert(r == RESULT_OK);
	answer->text = answer_text_of(answer->text.body, &d->handover_arena);
	*ret_kept = NULL;
	if (answer->text.body.len > 0)
		*ret_kept =
		    keep(d, t, t->asks ? &query.rules : &way->endpoint.rules, &answer->text);
	if (*ret_kept && answer->end != TRANSPORT_ANSWERED)
		(*ret_kept)->sample.whole = false;
	return t->asks ? classify_query(&query, answer)
		       : way->channel->judge(&way->endpoint.rules, answer);
}
