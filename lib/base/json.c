/* json: the reader. One pass; nodes and unescaped text come from the arena, everything else points into the input.
 *
 * It is on the front door's path, so text is scanned in blocks, its UTF-8 is checked only where a byte above 0x7F was met,
 * and an object's members can be had one by one, without a tree of them. */
#include "json.h"

#include "json_escape.h"
#include "json_names.h"
#include "json_scan.h"

#define DEPTH_CEILING  512 /* whatever the caller allows: reading recurses */
#define NODES_AT_ONCE  16
#define SURROGATE_HIGH 0xD800u
#define SURROGATE_LOW  0xDC00u
#define SURROGATE_END  0xE000u

struct reader {
	const char *start, *at, *end;
	struct arena *arena;
	struct json *nodes; /* taken from the arena, not used so far */
	uint32_t nodes_ready, nodes_left, depth_left;
	bool nul; /* \u0000 was met */
	struct json_fault fault;
};

static bool read_other(struct reader *r, struct json *node);

static bool fail_at(struct reader *r, const char *where, const char *what)
{
	r->fault = (struct json_fault){(size_t)(where - r->start), what};
	return false;
}

static bool fail(struct reader *r, const char *what)
{
	return fail_at(r, r->at, what);
}

/* One value more; false when there are too many. */
static bool count_value(struct reader *r)
{
	if (r->nodes_left == 0)
		return fail(r, "too many values");
	r->nodes_left--;
	return true;
}

static struct json *new_node(struct reader *r)
{
	struct json *node;

	if (!count_value(r))
		return NULL;
	if (r->nodes_ready == 0) {
		r->nodes_ready = MIN_OF(r->nodes_left + 1, (uint32_t)NODES_AT_ONCE);
		r->nodes = arena_alloc(r->arena, r->nodes_ready * sizeof(*r->nodes));
	}
	r->nodes_ready--;
	node = r->nodes++;
	*node = (struct json){0};
	return node;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void skip_space(struct reader *r)
{
	if (r->at == r->end || (unsigned char)*r->at > ' ') /* as machines write it */
		return;
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

/* \uXXXX at p, and its second half where it is a surrogate; moves p behind it. */
static bool read_unicode(struct reader *r, const char **p, const char *end, uint32_t *ret)
{
	const char *at = *p;
	uint32_t first, second;

	if (end - at < 6 || !read_hex4(at + 2, &first))
		return fail_at(r, at, "expected four hexadecimal digits");
	*p = at + 6;
	*ret = first;
	if (first < SURROGATE_HIGH || first >= SURROGATE_END)
		return true;

	if (first >= SURROGATE_LOW || end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
	    !read_hex4(at + 8, &second) || second < SURROGATE_LOW || second >= SURROGATE_END)
		return fail_at(r, at, "half a surrogate pair");
	*p = at + 12;
	*ret = 0x10000 + ((first - SURROGATE_HIGH) << 10) + (second - SURROGATE_LOW);
	return true;
}

/* Text is never longer unescaped than it was escaped. */
static bool unescape(struct reader *r, const char *p, const char *end, struct slice *ret)
{
	char *text = arena_alloc(r->arena, (size_t)(end - p));
	char *to = text;

	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((escape ? escape : end) - p);
		uint32_t c;

		memcpy(to, p, plain);
		to += plain;
		p += plain;
		if (p == end)
			break;
		if (p[1] == 'u') {
			if (!read_unicode(r, &p, end, &c))
				return false;
			to = put_utf8(to, c);
			r->nul = r->nul || c == 0;
			continue;
		}
		*to = plain_escape(p[1]);
		if (!*to++)
			return fail_at(r, p, "unknown escape");
		p += 2;
	}
	*ret = slice_of(text, (size_t)(to - text));
	return true;
}

static _rare_ bool check_utf8(struct reader *r, struct slice text)
{
	size_t valid = slice_utf8_valid_prefix(text);

	return valid == text.len || fail_at(r, text.data + valid, "not UTF-8");
}

/* A text that something stands in: a backslash, or a fault. r->at is where. */
static _rare_ bool read_escaped(struct reader *r, const char *from, bool high, struct slice *ret)
{
	for (;;) {
		if (r->at == r->end)
			return fail(r, "text has no end");
		if (*r->at == '"')
			break;
		if (*r->at != '\\')
			return fail(r, "control character in text");
		if (r->end - r->at < 2)
			return fail(r, "text has no end");
		/* What follows a backslash is no end of the text, but it may be anything else. */
		r->at += r->at[1] == '"' || r->at[1] == '\\' ? 2 : 1;
		r->at = json_scan_text(r->at, r->end, &high);
	}
	*ret = slice_of(from, (size_t)(r->at - from));
	if (high && !check_utf8(r, *ret))
		return false;
	r->at++;
	return unescape(r, from, r->at - 1, ret);
}

/* r->at stands on the opening quote. */
static _always_inline_ bool read_string(struct reader *r, struct slice *ret)
{
	const char *from = r->at + 1, *at;
	bool high = false;

	at = json_scan_text(from, r->end, &high);
	if (at == r->end || *at != '"') {
		r->at = at;
		return read_escaped(r, from, high, ret);
	}
	*ret = slice_of(from, (size_t)(at - from));
	r->at = at + 1;
	return !high || check_utf8(r, *ret);
}

static bool is_digit(const struct reader *r)
{
	return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool read_digits(struct reader *r)
{
	if (!is_digit(r))
		return fail(r, "expected a digit");
	while (is_digit(r))
		r->at++;
	return true;
}

static bool read_number(struct reader *r, struct json *node)
{
	const char *from = r->at;
	bool whole = true;

	node->type = JSON_NUMBER;
	if (*r->at == '-')
		r->at++;
	if (r->at < r->end && *r->at == '0') {
		r->at++;
		if (is_digit(r))
			return fail(r, "a number does not begin with 0");
	} else if (!read_digits(r)) {
		return false;
	}
	if (r->at < r->end && *r->at == '.') {
		whole = false;
		r->at++;
		if (!read_digits(r))
			return false;
	}
	if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
		whole = false;
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		if (!read_digits(r))
			return false;
	}
	node->text = slice_of(from, (size_t)(r->at - from));
	node->is_integer = whole && slice_to_int64(node->text, &node->integer);
	return true;
}

static bool read_word(struct reader *r, struct json *node, const char *word, enum json_type type)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return fail(r, "expected a value");
	r->at += len;
	node->type = type;
	return true;
}

static _always_inline_ bool read_name(struct reader *r, struct json_names *names, struct slice *ret)
{
	const char *where = r->at;

	if (r->at == r->end || *r->at != '"')
		return fail(r, "expected a member's name");
	if (!read_string(r, ret))
		return false;
	if (!json_names_add(names, r->arena, *ret))
		return fail_at(r, where, "a member's name stands twice");
	skip_space(r);
	if (r->at == r->end || *r->at != ':')
		return fail(r, "expected \":\"");
	r->at++;
	skip_space(r);
	return true;
}

/* Whether the container ends before its first item; r->at stands behind the opening bracket. */
static bool is_empty(struct reader *r, char close)
{
	skip_space(r);
	if (r->at == r->end || *r->at != close)
		return false;
	r->at++;
	return true;
}

/* What follows an item: a comma, or the closing bracket, which ends it. */
static inline bool read_separator(struct reader *r, char close, bool *ret_end)
{
	skip_space(r);
	*ret_end = r->at < r->end && *r->at == close;
	if (!*ret_end && (r->at == r->end || *r->at != ','))
		return fail(r,
			    close == '}' ? "expected \",\" or \"}\"" : "expected \",\" or \"]\"");
	if (*ret_end)
		return true;
	r->at++;
	skip_space(r);
	return true;
}

/* Behind the last member; r->at stands on the closing bracket. */
static bool end_members(struct reader *r, struct json_names *names)
{
	r->at++;
	return json_names_differ(names) || fail(r, "a member's name stands twice");
}

static inline bool read_value(struct reader *r, struct json *node)
{
	if (r->at == r->end || *r->at != '"')
		return read_other(r, node);
	node->type = JSON_STRING;
	return read_string(r, &node->text);
}

/* Elements or members, up to the closing bracket; r->at stands behind the opening one. */
static bool read_items(struct reader *r, struct json *parent, char close)
{
	struct json **tail = &parent->child;
	struct json_names names;
	bool end = false;

	if (is_empty(r, close))
		return true;
	json_names_start(&names);
	while (!end) {
		struct slice name = {0};
		struct json *node;

		if (close == '}' && !read_name(r, &names, &name))
			return false;
		node = new_node(r);
		if (!node || !read_value(r, node))
			return false;
		node->key = name;
		*tail = node;
		tail = &node->next;
		parent->count++;
		if (!read_separator(r, close, &end))
			return false;
	}
	return end_members(r, &names);
}

static bool read_container(struct reader *r, struct json *node)
{
	const char *from = r->at;
	bool object = *from == '{';

	if (r->depth_left == 0)
		return fail(r, "nested too deeply");
	r->depth_left--;
	r->at++;
	node->type = object ? JSON_OBJECT : JSON_ARRAY;
	if (!read_items(r, node, object ? '}' : ']'))
		return false;
	r->depth_left++;
	node->text = slice_of(from, (size_t)(r->at - from));
	return true;
}

/* Any value but text. */
static bool read_other(struct reader *r, struct json *node)
{
	if (r->at == r->end)
		return fail(r, "expected a value");
	switch (*r->at) {
	case '{':
	case '[':
		return read_container(r, node);
	case 't':
		return read_word(r, node, "true", JSON_TRUE);
	case 'f':
		return read_word(r, node, "false", JSON_FALSE);
	case 'n':
		return read_word(r, node, "null", JSON_NULL);
	}
	if (*r->at == '-' || is_digit(r))
		return read_number(r, node);
	return fail(r, "expected a value");
}

/* The members of the text's own object, each handed over when it is read; r->at stands on the opening bracket. */
static bool visit_members(struct reader *r, json_member_fn visit, void *ctx)
{
	struct json_names names;
	bool end = false;

	if (r->depth_left == 0)
		return fail(r, "nested too deeply");
	r->depth_left--;
	r->at++;
	if (is_empty(r, '}'))
		return true;
	json_names_start(&names);
	while (!end) {
		struct json member = {0};

		if (!read_name(r, &names, &member.key) || !count_value(r) ||
		    !read_value(r, &member))
			return false;
		member.holds_nul = r->nul;
		r->nul = false;
		visit(ctx, &member);
		if (!read_separator(r, '}', &end))
			return false;
	}
	return end_members(r, &names);
}

static struct reader reader_of(struct arena *a, struct slice text, struct json_limits limits)
{
	struct reader r = {
	    .start = text.len ? text.data : "",
	    .arena = a,
	    .nodes_left = limits.max_nodes,
	    .depth_left = MIN_OF(limits.max_depth, (uint32_t)DEPTH_CEILING),
	};

	r.at = r.start;
	r.end = r.start + text.len;
	skip_space(&r);
	return r;
}

static bool at_end(struct reader *r)
{
	skip_space(r);
	return r->at == r->end || fail(r, "expected the end");
}

struct json *json_parse(struct arena *a, struct slice text, struct json_limits limits,
			struct json_fault *ret_fault)
{
	struct reader r = reader_of(a, text, limits);
	struct json *root = new_node(&r);

	if (root && read_value(&r, root) && at_end(&r))
		return root;
	if (ret_fault)
		*ret_fault = r.fault;
	return NULL;
}

enum json_visited json_visit(struct arena *a, struct slice text, struct json_limits limits,
			     json_member_fn visit, void *ctx, struct json_fault *ret_fault)
{
	struct reader r = reader_of(a, text, limits);
	bool object = r.at < r.end && *r.at == '{';
	struct json other = {0};

	if (count_value(&r) && (object ? visit_members(&r, visit, ctx) : read_value(&r, &other)) &&
	    at_end(&r))
		return object ? JSON_VISITED : JSON_NO_OBJECT;
	if (ret_fault)
		*ret_fault = r.fault;
	return JSON_FAULTY;
}

struct json *json_member(const struct json *object, const char *name)
{
	size_t len = strlen(name);

	if (!object || object->type != JSON_OBJECT)
		return NULL;
	for (struct json *m = object->child; m; m = m->next) {
		if (m->key.len == len && memcmp(m->key.data, name, len) == 0)
			return m;
	}
	return NULL;
}
