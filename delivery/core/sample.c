/* sample: see sample.h. */
#include "sample.h"

#include "excerpt.h"

struct cleaner {
	const struct slice *values;
	size_t count;
	struct buf out;
	bool cut; /* some text was longer than an excerpt is */
};

/* An excerpt has room for EXCERPT_MAX_BYTES, and so much of every text is looked at. */
static void clean(struct cleaner *c, struct slice text, char ret[EXCERPT_MAX_BYTES + 1])
{
	if (text.len > EXCERPT_MAX_BYTES)
		c->cut = true;
	excerpt_make(text, c->values, c->count, ret);
}

static void write_text(struct cleaner *c, struct slice text)
{
	char cleaned[EXCERPT_MAX_BYTES + 1];

	clean(c, text, cleaned);
	json_write_string(&c->out, slice_cstr(cleaned));
}

static void write_number(struct cleaner *c, struct slice text)
{
	char cleaned[EXCERPT_MAX_BYTES + 1];

	clean(c, text, cleaned);
	if (slice_is(text, cleaned))
		buf_append_slice(&c->out, text);
	else
		json_write_string(&c->out, slice_cstr(cleaned));
}

static void write_node(struct cleaner *c, const struct json *node)
{
	bool object = node->type == JSON_OBJECT;

	switch (node->type) {
	case JSON_STRING:
		write_text(c, node->text);
		return;
	case JSON_NUMBER:
		write_number(c, node->text);
		return;
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	default:
		buf_append_cstr(&c->out, node->type == JSON_TRUE    ? "true"
					 : node->type == JSON_FALSE ? "false"
								    : "null");
		return;
	}
	buf_append_char(&c->out, object ? '{' : '[');
	for (const struct json *child = node->child; child && !c->out.failed; child = child->next) {
		if (child != node->child)
			buf_append_char(&c->out, ',');
		if (object) {
			write_text(c, child->key);
			buf_append_char(&c->out, ':');
		}
		write_node(c, child);
	}
	buf_append_char(&c->out, object ? '}' : ']');
}

void answer_sample_make(const struct answer_text *text, const struct slice *values, size_t count,
			struct answer_sample *ret)
{
	struct cleaner c = {.values = values, .count = count, .out.max = SAMPLE_MAX_BYTES};

	ret->text[0] = 0;
	ret->whole = true;
	if (!text->root) {
		clean(&c, text->body, ret->text);
		ret->whole = !c.cut;
		return;
	}
	write_node(&c, text->root);
	ret->whole = !c.cut && !c.out.failed;
	/* half a document would only be in the way */
	if (!c.out.failed) {
		memcpy(ret->text, c.out.data, c.out.len);
		ret->text[c.out.len] = 0;
	}
	buf_free(&c.out);
}
