/* trace_html: the life as a page of its own: no script, nothing that would be fetched. See trace.h for what stands in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "payout/reports/write.h"
#include "runtime/keyring.h"
#include "trace.h"

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>The life of a lead</title>\n"
    "<style>\nbody{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 "
    "1rem;color:#1b1b1b}\nh1{font-size:1.3rem;margin:0}p{color:#555;margin:.2rem 0 1.2rem}\n"
    "ol{list-style:none;margin:0;padding:0;border-left:3px solid #c9c9c4}\n"
    "li{margin:0 0 1rem;padding:0 0 0 1rem}time,code{font-family:ui-monospace,monospace;"
    "font-size:12px;color:#666}\nb{font-weight:600}dl{margin:.3rem 0 0;display:grid;"
    "grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:#555}dd{margin:0}\n"
    ".o{color:#8a4b00}@media print{body{margin:0;max-width:none}li{break-inside:avoid}}\n"
    "</style></head><body>\n";

/* --- the contact --- */

/* The calling code and the operator's digits, and the last two. */
static const char *mask_phone(struct trace *t, const char *phone)
{
	size_t len = strlen(phone);

	if (len == 0)
		return NULL;
	if (len < 8)
		return "•••";
	return arena_printf(&t->arena, "%.4s•••%s", phone, phone + len - 2);
}

/* A domain may be a person's own: of it the ending only. */
static const char *mask_email(struct trace *t, const char *email)
{
	const char *at = strrchr(email, '@'), *dot = strrchr(email, '.');
	struct slice first = slice_of(email, slice_utf8_valid_prefix(slice_of(email, 1)));

	if (!email[0])
		return NULL;
	if (!at || !dot || dot < at)
		return "•••";
	return arena_printf(&t->arena, SLICE_FMT "•••@•••%s", SLICE_ARG(first), dot);
}

void trace_open_contact(struct trace *t, const Punnet__V1__RawLead *raw)
{
	const Punnet__V1__SealedContact *box = raw->contact;
	struct error ignored = {0};
	struct keyring *keys;
	struct buf plain = {0};
	const uint8_t *key;
	const Punnet__V1__Contact *contact = NULL;
	struct arena open = {0};

	if (!t->opens || !box || box->nonce.len != SEAL_NONCE_LEN)
		return;
	keys = keyring_open(config_text(t->tool->config, "common", "keys_dir"), false, &ignored);
	key = keys ? keyring_day_key(keys, box->key_day, false) : NULL;
	if (key && seal_open(key, box->nonce.data, &t->id, codec_bytes(box->box), &plain))
		contact = codec_unpack(&open, &punnet__v1__contact__descriptor, buf_slice(&plain));
	if (contact) {
		t->phone = mask_phone(t, contact->phone);
		t->email = mask_email(t, contact->email);
	}
	if (plain.data)
		sodium_memzero(plain.data, plain.cap);
	buf_free(&plain);
	arena_free(&open);
	keyring_free(keys);
}

/* --- the page --- */

static void put(FILE *f, const char *text)
{
	write_markup_text(f, slice_cstr(text));
}

static void write_note(const struct trace *t, FILE *f, const struct trace_note *n)
{
	if (n->hidden[t->reader])
		return;
	fputs("<dt>", f);
	put(f, n->code);
	fputs("</dt><dd>", f);
	put(f, n->text);
	if (t->reader == TRACE_OPERATOR && n->operator_text[0]) {
		fputs("<br><span class=o>", f);
		put(f, n->operator_text);
		fputs("</span>", f);
	}
	fputs("</dd>\n", f);
}

/* Rules in shadow are without effect, and the operator's business. */
static bool is_shadow(const struct trace_note *n)
{
	return strncmp(n->code, "(shadow)", strlen("(shadow)")) == 0;
}

static void write_step(struct trace *t, FILE *f, const struct trace_step *s)
{
	const char *text = s->text_for[t->reader] ? s->text_for[t->reader] : s->text;

	if ((s->text_for[t->reader] && !text[0]) ||
	    (t->reader == TRACE_ADVERTISER && s->advertiser &&
	     strcmp(s->advertiser, t->advertiser) != 0))
		return;
	fprintf(f, "<li><time>%s</time> ", trace_time(t, s->at_ms));
	put(f, s->service);
	fputs(" <b>", f);
	put(f, s->what);
	fputs("</b> ", f);
	put(f, text);
	if (s->source[0]) {
		fputs(" <code>", f);
		put(f, s->source);
		fputs(s->caused_by[0] ? " from " : "", f);
		put(f, s->caused_by);
		fputs(s->ruleset[0] ? ", rules " : "", f);
		put(f, s->ruleset);
		fputs("</code>", f);
	}
	fputs("<dl>\n", f);
	for (size_t i = 0; i < s->note_count; i++)
		if (t->reader == TRACE_OPERATOR || !is_shadow(&s->notes[i]))
			write_note(t, f, &s->notes[i]);
	fputs("</dl></li>\n", f);
}

static void write_page(struct trace *t, FILE *f)
{
	const char *readers[] = {"the operator", "the webmaster", t->advertiser};
	char id[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(&t->id, id);
	fputs(page_head, f);
	fprintf(f, "<h1>Lead %s</h1>\n<p>Written for %s. Phone ", id, readers[t->reader]);
	put(f, t->phone ? t->phone : "not given, or sealed");
	fputs(", e-mail ", f);
	put(f, t->email ? t->email : "not given, or sealed");
	fputs(". Times are UTC. Each step names the record that it is taken from.</p>\n<ol>\n", f);
	for (size_t i = 0; i < t->count; i++)
		write_step(t, f, &t->steps[i]);
	fputs("</ol></body></html>\n", f);
}

enum result trace_write_html(struct trace *t, const char *path)
{
	FILE *f = fopen(path, "we");
	bool ok = f;

	trace_sort(t);
	if (f)
		write_page(t, f);
	ok = f && fflush(f) == 0 && !ferror(f);
	if (f)
		ok = fclose(f) == 0 && ok;
	if (!ok)
		return error_set(&t->error, RESULT_BAD, "%s: %s", path, strerror(errno));
	return RESULT_OK;
}
