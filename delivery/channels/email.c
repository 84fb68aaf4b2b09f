/* email: see email.h.
 *
 * settings  core/mail.h
 * answer    of the network's own relay: it took the message, or it did not; core/classify.h
 * trap      a relay that breaks off after the last byte may have taken it: unknown, and sent again under the same Message-ID */
#include "email.h"

#include <sodium.h>

#include "base/timefmt.h"
#include "template.h"

#define LINE_BYTES    57 /* of base64: 76 characters */
#define WORD_BYTES    42 /* of an encoded word */
#define SUBJECT_PLAIN 60 /* a longer subject is encoded, and so folded */
#define DRAFT_MAX     (256 * 1024)
#define BOUNDARY      "=_punnet" /* '=' and '_' in a row are in no base64 */

/* --- a lead, as lines --- */

static const struct {
	const char *name, *text;
} our_fields[] = {
    {"Lead", "{lead_id}"},          {"Order", "{order_id}"},
    {"Vertical", "{vertical}"},     {"Phone", "{phone}"},
    {"E-mail", "{email}"},          {"Name", "{name}"},
    {"First name", "{first_name}"}, {"Middle name", "{middle_name}"},
    {"Last name", "{last_name}"},   {"Country", "{country}"},
    {"Region", "{region}"},         {"City", "{city}"},
    {"Received", "{received_at}"},  {"Price", "{price|major}"},
    {"Currency", "{currency}"},     {"Source", "{source}"},
};

/* A value on a line of its own: what would end the line becomes a blank. */
static void write_line(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_append_char(out, (unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f
					 ? ' '
					 : text.data[i]);
}

static void write_html(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.data[i]) {
		case '&':
			buf_append_cstr(out, "&amp;");
			break;
		case '<':
			buf_append_cstr(out, "&lt;");
			break;
		case '>':
			buf_append_cstr(out, "&gt;");
			break;
		case '"':
			buf_append_cstr(out, "&quot;");
			break;
		default:
			write_line(out, slice_of(text.data + i, 1));
		}
	}
}

static void add_row(struct mail_draft *d, const struct mail_settings *mail, struct slice name,
		    struct slice value)
{
	if (value.len == 0)
		return;
	if (mail->text) {
		write_line(&d->text, name);
		buf_append_cstr(&d->text, ": ");
		write_line(&d->text, value);
		buf_append_cstr(&d->text, "\r\n");
	}
	if (mail->html) {
		buf_append_cstr(&d->html, "<tr><th>");
		write_html(&d->html, name);
		buf_append_cstr(&d->html, "</th><td>");
		write_html(&d->html, value);
		buf_append_cstr(&d->html, "</td></tr>\r\n");
	}
}

static enum compose add_field(struct mail_draft *d, const struct mail_settings *mail,
			      struct slice name, struct slice text, const struct handover *h)
{
	struct buf value = {.max = MESSAGE_BODY_MAX};
	enum compose c;

	if (!buf_reserve(&value, handover_room(h)))
		return COMPOSE_TOO_LARGE;
	c = template_write_text(&value, text, NULL, h);
	if (c == COMPOSE_DONE)
		add_row(d, mail, name, buf_slice(&value));
	sodium_memzero(value.data, value.cap);
	buf_free(&value);
	return c;
}

static enum compose add_fields(struct mail_draft *d, const struct mail_settings *mail,
			       const struct handover *h)
{
	enum compose c = COMPOSE_DONE;

	for (const struct json *f = mail->fields ? mail->fields->child : NULL;
	     f && c == COMPOSE_DONE; f = f->next)
		c = add_field(d, mail, f->key, f->text, h);
	for (size_t i = 0; !mail->fields && i < ARRAY_LEN(our_fields) && c == COMPOSE_DONE; i++)
		c = add_field(d, mail, slice_cstr(our_fields[i].name),
			      slice_cstr(our_fields[i].text), h);
	for (size_t i = 0;
	     !mail->fields && h->routed->lead && c == COMPOSE_DONE && i < h->routed->lead->n_fields;
	     i++) {
		const char *name = h->routed->lead->fields[i]->name;
		char text[ENDPOINT_SECRET_NAME_MAX + 16];

		if (strlen(name) >= ENDPOINT_SECRET_NAME_MAX ||
		    !settings_name_valid(slice_cstr(name)))
			continue;
		memcpy(text, "{fields.", 8);
		memcpy(text + 8, name, strlen(name));
		memcpy(text + 8 + strlen(name), "}", 2);
		c = add_field(d, mail, slice_cstr(name), slice_cstr(text), h);
	}
	return c;
}

/* All of it at once: a buffer that grows would leave contacts behind in freed memory. */
static bool draft_begin(struct mail_draft *d)
{
	d->text.max = d->html.max = DRAFT_MAX;
	d->subject.max = 4 * MAIL_SUBJECT_MAX + DRAFT_MAX;
	return buf_reserve(&d->text, DRAFT_MAX) && buf_reserve(&d->html, DRAFT_MAX);
}

enum compose mail_add(struct mail_draft *d, const struct handover *h, const struct endpoint *e)
{
	size_t text = d->text.len, html = d->html.len;
	enum compose c = COMPOSE_DONE;

	if (d->leads == 0) {
		if (!draft_begin(d) || !buf_reserve(&d->subject, handover_room(h)))
			return COMPOSE_TOO_LARGE;
		delivery_key_text(&h->lead_id, h->routed->assignment->round, d->message_id);
		c = template_write_text(&d->subject, slice_cstr(e->mail.subject), NULL, h);
	}
	if (e->mail.html)
		buf_append_cstr(&d->html, "<table>\r\n");
	if (c == COMPOSE_DONE)
		c = add_fields(d, &e->mail, h);
	if (e->mail.html)
		buf_append_cstr(&d->html, "</table>\r\n<hr>\r\n");
	if (e->mail.text)
		buf_append_cstr(&d->text, "\r\n");
	if (c == COMPOSE_DONE && (d->text.failed || d->html.failed))
		c = COMPOSE_TOO_LARGE;
	if (c == COMPOSE_DONE) {
		d->leads++;
		return c;
	}
	d->text.len = text;
	d->html.len = html;
	d->text.failed = d->html.failed = false;
	return c;
}

/* --- the message --- */

static void write_base64(struct buf *out, struct slice data)
{
	char line[80];

	while (data.len > 0) {
		size_t len = MIN_OF(data.len, (size_t)LINE_BYTES);

		sodium_bin2base64(line, sizeof(line), (const uint8_t *)data.data, len,
				  sodium_base64_VARIANT_ORIGINAL);
		buf_append_cstr(out, line);
		buf_append_cstr(out, "\r\n");
		data = slice_of(data.data + len, data.len - len);
	}
	sodium_memzero(line, sizeof(line));
}

static bool is_plain(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	/* what looks like an encoded word would be decoded */
	return text.len <= SUBJECT_PLAIN && !(text.len >= 2 && memcmp(text.data, "=?", 2) == 0);
}

/* RFC 2047: whole characters in each word. */
static void write_encoded(struct buf *out, struct slice text)
{
	bool first = true;
	char word[80];

	while (text.len > 0) {
		size_t len = MIN_OF(text.len, (size_t)WORD_BYTES);

		while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80)
			len--;
		len = len ? len : MIN_OF(text.len, (size_t)WORD_BYTES);
		sodium_bin2base64(word, sizeof(word), (const uint8_t *)text.data, len,
				  sodium_base64_VARIANT_ORIGINAL);
		buf_append_cstr(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		buf_append_cstr(out, word);
		buf_append_cstr(out, "?=");
		text = slice_of(text.data + len, text.len - len);
		first = false;
	}
	sodium_memzero(word, sizeof(word));
}

static void write_subject(struct buf *out, const struct mail_draft *d)
{
	struct buf line = {.max = DRAFT_MAX};

	if (buf_reserve(&line, d->subject.len + 32)) {
		write_line(&line, slice_of(d->subject.data,
					   MIN_OF(d->subject.len, (size_t)MAIL_SUBJECT_MAX)));
		line.len = slice_utf8_valid_prefix(buf_slice(&line));
		if (d->leads > 1)
			buf_printf(&line, " (+%zu)", d->leads - 1);
	}
	buf_append_cstr(out, "Subject: ");
	if (is_plain(buf_slice(&line)))
		buf_append_slice(out, buf_slice(&line));
	else
		write_encoded(out, buf_slice(&line));
	buf_append_cstr(out, "\r\n");
	if (line.data)
		sodium_memzero(line.data, line.cap);
	buf_free(&line);
}

static void write_date(struct buf *out, int64_t now_ms)
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char at[TIME_TEXT_LEN + 1];
	int month;

	time_text(now_ms, at);
	month = (at[5] - '0') * 10 + at[6] - '0';
	buf_append_cstr(out, "Date: ");
	buf_append(out, days + 3 * (time_day(now_ms) % 7), 3);
	buf_printf(out, ", %.2s %.3s %.4s %.8s +0000\r\n", at + 8, months + 3 * (month - 1), at,
		   at + 11);
}

static void write_head(struct buf *out, const struct mail_draft *d, const struct endpoint *e,
		       const char *from, int64_t now_ms)
{
	const char *domain = strchr(from, '@');

	buf_printf(out, "From: <%s>\r\nTo: ", from);
	for (size_t i = 0; i < e->mail.to_count; i++)
		buf_printf(out, "%s<%s>", i ? ",\r\n " : "", e->mail.to[i]);
	buf_append_cstr(out, "\r\n");
	write_subject(out, d);
	write_date(out, now_ms);
	buf_printf(out, "Message-ID: <%s%s>\r\n", d->message_id, domain ? domain : "");
	buf_append_cstr(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
}

static void write_part(struct buf *out, const char *type, const struct buf *content, bool several)
{
	if (several)
		buf_append_cstr(out, "--" BOUNDARY "\r\n");
	buf_printf(out,
		   "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: "
		   "base64\r\n\r\n",
		   type);
	write_base64(out, buf_slice(content));
}

enum compose mail_finish(struct mail_draft *d, const struct endpoint *e, const char *from,
			 int64_t now_ms, struct message *m)
{
	bool several = e->mail.text && e->mail.html;
	size_t room = 2 * (d->text.len + d->html.len + d->subject.len) + 16 * 1024;

	assert(d->leads > 0);
	m->body.max = 2 * MESSAGE_BODY_MAX;
	if (!buf_reserve(&m->body, MIN_OF(room, (size_t)2 * MESSAGE_BODY_MAX)))
		return COMPOSE_TOO_LARGE;
	write_head(&m->body, d, e, from, now_ms);
	if (several)
		buf_append_cstr(&m->body,
				"Content-Type: multipart/alternative; boundary=\"" BOUNDARY
				"\"\r\n\r\n");
	if (e->mail.text)
		write_part(&m->body, "plain", &d->text, several);
	if (e->mail.html)
		write_part(&m->body, "html", &d->html, several);
	if (several)
		buf_append_cstr(&m->body, "--" BOUNDARY "--\r\n");
	return m->body.failed ? COMPOSE_TOO_LARGE : COMPOSE_DONE;
}

static void wipe(struct buf *b)
{
	if (b->data)
		sodium_memzero(b->data, b->cap);
	buf_free(b);
	*b = (struct buf){0};
}

void mail_draft_wipe(struct mail_draft *d)
{
	wipe(&d->text);
	wipe(&d->html);
	wipe(&d->subject);
	d->leads = 0;
}

/* --- the channel --- */

static enum result read_settings(const struct json *settings, _unused_ int64_t default_timeout_ms,
				 struct endpoint *ret, struct error *ret_error)
{
	enum result r;

	*ret = (struct endpoint){0};
	r = mail_settings_read(settings, &ret->mail, ret_error);
	if (r != RESULT_OK)
		return r;
	ret->timeout_ms = ret->mail.timeout_ms;
	if (!template_text_check(slice_cstr(ret->mail.subject), "email.subject", ret_error))
		return RESULT_BAD;
	return !ret->mail.fields ||
		       template_check(ret->mail.fields, BODY_FORM, "email.fields", ret_error)
		   ? RESULT_OK
		   : RESULT_BAD;
}

static enum compose compose(const struct handover *h, const struct endpoint *e, struct message *m)
{
	struct mail_draft d = {0};
	enum compose c = mail_add(&d, h, e);

	if (c == COMPOSE_DONE)
		c = mail_finish(&d, e, h->mail_from, h->now_ms, m);
	mail_draft_wipe(&d);
	return c;
}

static struct attempt_said judge(_unused_ const struct answer_rules *rules,
				 const struct transport_answer *answer)
{
	return classify_mail(answer);
}

const struct channel channel_email = {
    .name = "email",
    .read = read_settings,
    .compose = compose,
    .judge = judge,
};
