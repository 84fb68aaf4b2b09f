/* micro_lead: from the bytes of a request to the record in leads.raw, step by step and as a whole. */
#include <sodium.h>

#include "bench.h"
#include "collector/core/draft.h"
#include "collector/core/raw_lead.h"
#include "lead/codec.h"
#include "load_body.h"
#include "micro.h"
#include "proto/leads_raw.pb-c.h"

static const uint8_t key[32] = {7};
static struct arena arena;

static void json_figures(struct slice body)
{
	struct json_fault fault;
	char copy[LOAD_LEAD_MAX];
	double ns, floor;

	BENCH_NS(&ns, {
		struct json *j = json_parse(&arena, body, JSON_LIMITS_DEFAULT, &fault);

		BENCH_KEEP(j);
		if (!j)
			bench_die("%s", fault.what);
		arena_reset(&arena);
	});
	BENCH_NS(&floor, {
		memcpy(copy, body.data, body.len);
		BENCH_KEEP(copy);
	});
	bench_figure_floor("JSON lead into a tree", ns, floor, "ns");
}

static void read_json(struct draft *d, struct faults *f, struct slice body)
{
	const char *why;

	f->count = 0;
	if (!draft_read_json(d, &arena, body, f, &why) || f->count > 0)
		bench_die("the sample lead is not in order");
}

static void read_form(struct draft *d, struct faults *f, struct slice body)
{
	const char *why;

	f->count = 0;
	if (!draft_read_form(d, &arena, body, f, &why) || f->count > 0)
		bench_die("the sample form is not in order");
}

static void contact_figures(void)
{
	char phone[PHONE_TEXT_MAX], email[EMAIL_TEXT_MAX + 1];
	struct fingerprint print;
	double ns, floor;

	BENCH_NS(&ns, {
		enum phone_form f = phone_normalise(SLICE("8 (916) 123-45-67"), SLICE("RU"), phone);

		BENCH_KEEP(f);
	});
	bench_figure("phone normalised", ns, "ns");
	BENCH_NS(&ns, {
		enum email_form f = email_normalise(SLICE("Lead.1234567@Example.ru"), email);

		BENCH_KEEP(f);
	});
	bench_figure("e-mail normalised", ns, "ns");
	BENCH_NS(&ns, {
		print = fingerprint_of(key, FINGERPRINT_PHONE, SLICE("+79161234567"));
		BENCH_KEEP(&print);
	});
	BENCH_NS(&floor, {
		crypto_generichash(print.bytes, sizeof(print.bytes),
				   (const unsigned char *)"1+79161234567", 13, key, sizeof(key));
		BENCH_KEEP(&print);
	});
	bench_figure_floor("a fingerprint", ns, floor, "ns");
}

static void seal_figures(void)
{
	static const uint8_t nonce[SEAL_NONCE_LEN] = {9};
	static const char plain[160] = "a contact";
	unsigned char out[sizeof(plain) + SEAL_TAG_LEN];
	struct lead_id id = {{1}};
	struct buf box = {0};
	double ns, floor;

	BENCH_NS(&ns, {
		buf_reset(&box);
		seal(key, nonce, &id, slice_of(plain, sizeof(plain)), &box);
	});
	BENCH_NS(&floor, {
		crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, (const unsigned char *)plain,
							   sizeof(plain), id.bytes,
							   sizeof(id.bytes), NULL, nonce, key);
		BENCH_KEEP(out);
	});
	bench_figure_floor("a contact of 160 B sealed", ns, floor, "ns");
	buf_free(&box);
}

static void codec_figures(struct slice packed)
{
	const ProtobufCMessageDescriptor *type = &punnet__v1__raw_lead__descriptor;
	struct buf out = {0};
	struct arena mine = {0};
	Punnet__V1__RawLead *raw = codec_unpack(&mine, type, packed);
	double ns, floor;

	if (!raw)
		bench_die("the sample record can't be unpacked");
	BENCH_NS(&ns, {
		void *m = codec_unpack(&arena, type, packed);

		BENCH_KEEP(m);
		arena_reset(&arena);
	});
	BENCH_NS(&floor, {
		ProtobufCMessage *m =
		    protobuf_c_message_unpack(type, NULL, packed.len, (const uint8_t *)packed.data);

		BENCH_KEEP(m);
		protobuf_c_message_free_unpacked(m, NULL);
	});
	bench_figure_floor("RawLead unpacked", ns, floor, "ns");
	BENCH_NS(&ns, {
		buf_reset(&out);
		codec_pack(&raw->base, &out);
	});
	BENCH_NS(&floor, {
		size_t n = protobuf_c_message_pack(&raw->base, (uint8_t *)out.data);

		BENCH_KEEP(n);
	});
	bench_figure_floor("RawLead packed", ns, floor, "ns");
	buf_free(&out);
	arena_free(&mine);
}

struct whole {
	struct draft_context context;
	struct raw_lead_origin origin;
	struct raw_lead_scratch scratch;
	struct buf out;
};

static void build(struct whole *w, struct draft *d, struct faults *f)
{
	struct fingerprint person;

	draft_check(d, &w->context, f);
	if (f->count > 0)
		bench_die("the sample lead is refused: %.*s %s", SLICE_ARG(f->list[0].field),
			  f->list[0].detail);
	buf_reset(&w->out);
	raw_lead_build(d, &w->origin, &w->scratch, &w->out, &person);
}

void micro_lead(void)
{
	static Punnet__V1__Vertical vertical;
	static struct draft draft;
	static struct faults faults;
	static char json_text[LOAD_LEAD_MAX], form_text[LOAD_LEAD_MAX];
	struct slice json = {json_text, load_lead_json(json_text, 1234567)};
	struct slice form = {form_text, load_lead_form(form_text, 1234567)};
	struct whole w = {
	    .context = {.vertical = &vertical, .default_country = "RU", .now_ms = 1790000000000LL},
	    .origin = {.received_at_ms = 1790000000000LL,
		       .aff_id = "w17",
		       .default_country = "RU",
		       .fingerprint_key = key,
		       .day_key = key,
		       .key_day = 20717}};
	double ns;

	punnet__v1__vertical__init(&vertical);
	vertical.name = (char *)"courses";
	json_figures(json);
	BENCH_NS(&ns, {
		read_json(&draft, &faults, json);
		arena_reset(&arena);
	});
	bench_figure("JSON lead read", ns, "ns");
	BENCH_NS(&ns, {
		read_form(&draft, &faults, form);
		arena_reset(&arena);
	});
	bench_figure("form lead read", ns, "ns");
	contact_figures();
	seal_figures();
	BENCH_NS(&ns, {
		read_json(&draft, &faults, json);
		build(&w, &draft, &faults);
		arena_reset(&arena);
	});
	bench_figure("JSON lead read, checked, sealed, packed", ns, "ns");
	codec_figures(buf_slice(&w.out));
	raw_lead_scratch_free(&w.scratch);
	buf_free(&w.out);
	arena_free(&arena);
}
