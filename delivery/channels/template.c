/* template: see template.h. */
#include "template.h"

#include "formats.h"

/* One part of a text: a constant, or a place. */
struct part {
	struct slice constant; /* when name is empty */
	struct slice name, formats;
};

/* Takes the next part off; false with a fault. */
static bool next_part(struct slice *rest, struct part *ret, const char **ret_fault)
{
	const char *at = rest->data, *end = rest->data + rest->len, *close, *bar;

	*ret = (struct part){0};
	*ret_fault = NULL;
	while (at < end && *at != '{' && *at != '}')
		at++;
	if (at > rest->data || at == end) {
		ret->constant = slice_of(rest->data, (size_t)(at - rest->data));
		*rest = slice_of(at, (size_t)(end - at));
		return true;
	}
	if (at + 1 < end && at[1] == *at) {
		ret->constant = slice_of(at, 1);
		*rest = slice_of(at + 2, (size_t)(end - at - 2));
		return true;
	}
	close = *at == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;
	if (!close) {
		*ret_fault = "a brace without its other one; {{ and }} are braces themselves";
		return false;
	}
	bar = memchr(at, '|', (size_t)(close - at));
	ret->name = slice_of(at + 1, (size_t)((bar ? bar : close) - at - 1));
	ret->formats = bar ? slice_of(bar + 1, (size_t)(close - bar - 1)) : slice_of(NULL, 0);
	*rest = slice_of(close + 1, (size_t)(end - close - 1));
	return true;
}

/* --- checking --- */

bool template_text_check(struct slice text, const char *path, struct error *ret_error)
{
	struct part part;
	const char *fault = NULL;

	if (text.len > TEMPLATE_TEXT_MAX) {
		error_set(ret_error, RESULT_BAD, "%s: a text of more than %d bytes", path,
			  TEMPLATE_TEXT_MAX);
		return false;
	}
	while (text.len > 0) {
		struct slice from = text;

		if (next_part(&text, &part, &fault) && part.name.len == 0 && part.constant.len > 0)
			continue;
		if (!fault && !value_name_known(part.name))
			fault = "no such value";
		if (!fault)
			fault = formats_fault(part.name, part.formats);
		if (!fault)
			continue;
		error_set(ret_error, RESULT_BAD, "%s: \"" SLICE_FMT "\": %s", path, SLICE_ARG(from),
			  fault);
		return false;
	}
	return true;
}

static bool check_node(const struct json *node, int depth, const char *path, struct error *e)
{
	if (depth > TEMPLATE_DEPTH_MAX) {
		error_set(e, RESULT_BAD, "%s: deeper than %d", path, TEMPLATE_DEPTH_MAX);
		return false;
	}
	if (node->type == JSON_STRING)
		return template_text_check(node->text, path, e);
	if (node->type != JSON_OBJECT && node->type != JSON_ARRAY)
		return true;
	for (const struct json *c = node->child; c; c = c->next)
		if (!check_node(c, depth + 1, path, e))
			return false;
	return true;
}

bool template_check(const struct json *root, enum body_form form, const char *path,
		    struct error *ret_error)
{
	for (const struct json *c = root->child; form == BODY_FORM && c; c = c->next) {
		if (c->type != JSON_OBJECT && c->type != JSON_ARRAY)
			continue;
		error_set(ret_error, RESULT_BAD, "%s." SLICE_FMT ": a form has no lists or maps",
			  path, SLICE_ARG(c->key));
		return false;
	}
	return check_node(root, 0, path, ret_error);
}

/* --- writing --- */

void template_percent(struct buf *out, struct slice text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    memchr("-._~", c, 4)) {
			buf_append_char(out, (char)c);
			continue;
		}
		buf_append_char(out, '%');
		buf_append_char(out, hex[c >> 4]);
		buf_append_char(out, hex[c & 15]);
	}
}

/* Is the text one place and nothing else? */
static bool is_one_place(struct slice text, struct part *ret)
{
	const char *fault;

	return text.len > 0 && text.data[0] == '{' && next_part(&text, ret, &fault) &&
	       ret->name.len > 0 && text.len == 0;
}

static enum compose fill(const struct part *part, const struct handover *h, struct formatted *ret)
{
	struct value v;

	value_get(h, part->name, &v);
	format_value(&v, part->formats, ret);
	if (v.kind != VALUE_NO_SECRET)
		return COMPOSE_DONE;

	formatted_wipe(ret);
	return COMPOSE_NO_SECRET;
}

enum compose template_write_text(struct buf *out, struct slice text, template_write_fn write,
				 const struct handover *h)
{
	while (text.len > 0) {
		struct formatted f;
		struct part part;
		const char *fault;
		bool read = next_part(&text, &part, &fault);

		assert(read); /* it was checked */
		if (part.name.len == 0) {
			buf_append_slice(out, part.constant);
			continue;
		}
		if (fill(&part, h, &f) != COMPOSE_DONE)
			return COMPOSE_NO_SECRET;
		if (write)
			write(out, buf_slice(&f.text));
		else
			buf_append_slice(out, buf_slice(&f.text));
		formatted_wipe(&f);
	}
	return out->failed ? COMPOSE_TOO_LARGE : COMPOSE_DONE;
}

/* A text of the template, whole, with its places filled. */
static enum compose fill_text(struct slice text, const struct handover *h, struct formatted *ret)
{
	struct part part;
	enum compose c;

	if (is_one_place(text, &part))
		return fill(&part, h, ret);
	*ret = (struct formatted){.text.max = MESSAGE_BODY_MAX};
	if (!buf_reserve(&ret->text, handover_room(h)))
		return COMPOSE_TOO_LARGE;
	c = template_write_text(&ret->text, text, NULL, h);
	if (c != COMPOSE_DONE)
		formatted_wipe(ret);
	return c;
}

static void json_name(struct buf *out, struct slice name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_append_char(out, ',');
	json_write_string(out, name);
	buf_append_char(out, ':');
}

static void json_value(struct buf *out, const struct formatted *f)
{
	if (f->came)
		value_write_as_came(out, buf_slice(&f->text));
	else if (f->bare)
		buf_append_slice(out, buf_slice(&f->text));
	else
		json_write_string(out, buf_slice(&f->text));
}

static enum compose write_json(struct buf *out, const struct json *node, const struct handover *h);

/* A member or an element: what has no value does not appear. */
static enum compose write_child(struct buf *out, const struct json *child, bool named,
				const struct handover *h)
{
	struct formatted f = {0};
	enum compose c = COMPOSE_DONE;

	if (child->type == JSON_STRING)
		c = fill_text(child->text, h, &f);
	if (c != COMPOSE_DONE)
		return c;
	if (!f.absent) {
		if (named)
			json_name(out, child->key);
		else if (out->data[out->len - 1] != '[')
			buf_append_char(out, ',');
		if (child->type == JSON_STRING)
			json_value(out, &f);
		else
			c = write_json(out, child, h);
	}
	formatted_wipe(&f);
	return c;
}

static enum compose write_json(struct buf *out, const struct json *node, const struct handover *h)
{
	bool object = node->type == JSON_OBJECT;

	if (!object && node->type != JSON_ARRAY) {
		buf_append_slice(out, node->type == JSON_NUMBER  ? node->text
				      : node->type == JSON_TRUE  ? SLICE("true")
				      : node->type == JSON_FALSE ? SLICE("false")
								 : SLICE("null"));
		return COMPOSE_DONE;
	}
	buf_append_char(out, object ? '{' : '[');
	for (const struct json *c = node->child; c; c = c->next) {
		enum compose said =
		    out->failed ? COMPOSE_TOO_LARGE : write_child(out, c, object, h);

		if (said != COMPOSE_DONE)
			return said;
	}
	buf_append_char(out, object ? '}' : ']');
	return out->failed ? COMPOSE_TOO_LARGE : COMPOSE_DONE;
}

static enum compose write_form(struct buf *out, const struct json *root, const struct handover *h)
{
	for (const struct json *m = root->child; m; m = m->next) {
		struct formatted f = {0};
		enum compose c;

		if (m->type == JSON_STRING) {
			c = fill_text(m->text, h, &f);
		} else {
			f.text.max = MESSAGE_BODY_MAX;
			c = write_json(&f.text, m, h);
		}
		if (c != COMPOSE_DONE) {
			formatted_wipe(&f);
			return c;
		}
		if (!f.absent) {
			if (out->len > 0)
				buf_append_char(out, '&');
			template_percent(out, m->key);
			buf_append_char(out, '=');
			template_percent(out, buf_slice(&f.text));
		}
		formatted_wipe(&f);
	}
	return out->failed ? COMPOSE_TOO_LARGE : COMPOSE_DONE;
}

enum compose template_write(struct buf *out, const struct json *root, enum body_form form,
			    const struct handover *h)
{
	return form == BODY_FORM ? write_form(out, root, h) : write_json(out, root, h);
}
