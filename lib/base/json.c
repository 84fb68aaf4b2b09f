/* json: the reader. One pass; nodes and unescaped text come from the arena, everything else points into the input.
 *
 * It is on the front door's path, so text is scanned in blocks, its UTF-8 is checked only where a byte
 * above 0x7F was met, and a member's name is compared with its elders only when a small filter has seen its like. */
#include "json.h"

#include <stdlib.h>

#include "json_scan.h"

#define DEPTH_CEILING  512 /* whatever the caller allows: reading recurses */
#define NODES_AT_ONCE  16
#define PAIRWISE_MAX   32 /* larger objects are checked for doubles by sorting */
#define NAME_BITS      256
#define SURROGATE_HIGH 0xD800u
#define SURROGATE_LOW  0xDC00u
#define SURROGATE_END  0xE000u

struct reader {
	const char *start, *at, *end;
	struct arena *arena;
	struct json *nodes; /* taken from the arena, not used so far */
	uint32_t nodes_ready, nodes_left, depth_left;
	struct json_fault fault;
};

static bool read_value(struct reader *r, struct json *node);

static bool fail_at(struct reader *r, const char *where, const char *what)
{
	r->fault = (struct json_fault){(size_t)(where - r->start), what};
	return false;
}

static bool fail(struct reader *r, const char *what)
{
	return fail_at(r, r->at, what);
}

static struct json *new_node(struct reader *r)
{
	struct json *node;

	if (r->nodes_left == 0) {
		fail(r, "too many values");
		return NULL;
	}
	if (r->nodes_ready == 0) {
		r->nodes_ready = MIN_OF(r->nodes_left, (uint32_t)NODES_AT_ONCE);
		r->nodes = arena_alloc(r->arena, r->nodes_ready * sizeof(*r->nodes));
	}
	r->nodes_left--;
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

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits at p, which have been counted before. */
static bool read_hex4(const char *p, uint32_t *ret)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (uint32_t)digit;
	}
	*ret = value;
	return true;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xC0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*to++ = (char)(0xE0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3F));
		*to++ = (char)(0x80 | (c & 0x3F));
	} else {
		*to++ = (char)(0xF0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3F));
		*to++ = (char)(0x80 | (c >> 6 & 0x3F));
		*to++ = (char)(0x80 | (c & 0x3F));
	}
	return to;
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

static char plain_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	}
	return '\0';
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

/* r->at stands on the opening quote. */
static bool read_string(struct reader *r, struct slice *ret)
{
	const char *from = ++r->at;
	bool high = false, escaped = false;

	for (;;) {
		r->at = json_scan_text(r->at, r->end, &high);
		if (r->at == r->end)
			return fail(r, "text has no end");
		if (*r->at == '"')
			break;
		if (*r->at != '\\')
			return fail(r, "control character in text");
		if (r->end - r->at < 2)
			return fail(r, "text has no end");
		escaped = true;
		/* What follows a backslash is no end of the text, but it may be anything else. */
		r->at += r->at[1] == '"' || r->at[1] == '\\' ? 2 : 1;
	}
	*ret = slice_of(from, (size_t)(r->at - from));
	if (high) {
		size_t valid = slice_utf8_valid_prefix(*ret);

		if (valid < ret->len)
			return fail_at(r, from + valid, "not UTF-8");
	}
	r->at++;
	return !escaped || unescape(r, from, r->at - 1, ret);
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

/* The names of one object so far: which of 256 classes they fall into. */
struct name_filter {
	uint64_t bits[NAME_BITS / 64];
};

static bool filter_add(struct name_filter *f, struct slice name)
{
	unsigned char first = 0, middle = 0, last = 0;
	unsigned class;
	bool seen;

	if (name.len) {
		first = (unsigned char)name.data[0];
		middle = (unsigned char)name.data[name.len / 2];
		last = (unsigned char)name.data[name.len - 1];
	}
	class = (first * 7u + middle * 31u + last * 101u + (unsigned)name.len * 13u) % NAME_BITS;
	seen = f->bits[class / 64] >> (class % 64) & 1;
	f->bits[class / 64] |= (uint64_t)1 << (class % 64);
	return seen;
}

static bool name_is_new(struct reader *r, const struct json *object, struct name_filter *f,
			struct slice name, const char *where)
{
	if (object->count > PAIRWISE_MAX || !filter_add(f, name))
		return true;
	for (const struct json *m = object->child; m; m = m->next) {
		if (slice_equal(m->key, name))
			return fail_at(r, where, "a member's name stands twice");
	}
	return true;
}

static int compare_names(const void *a, const void *b)
{
	const struct slice *x = &(*(const struct json *const *)a)->key;
	const struct slice *y = &(*(const struct json *const *)b)->key;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->len ? memcmp(x->data, y->data, x->len) : 0;
}

static bool names_differ(struct reader *r, const struct json *object)
{
	const struct json **sorted;
	size_t n = 0;

	if (object->count <= PAIRWISE_MAX)
		return true;
	sorted = arena_alloc(r->arena, object->count * sizeof(*sorted));
	for (const struct json *m = object->child; m; m = m->next)
		sorted[n++] = m;
	qsort(sorted, n, sizeof(struct json *), compare_names);
	for (size_t i = 1; i < n; i++) {
		if (slice_equal(sorted[i - 1]->key, sorted[i]->key))
			return fail(r, "a member's name stands twice");
	}
	return true;
}

static bool read_name(struct reader *r, const struct json *object, struct name_filter *f,
		      struct slice *ret)
{
	const char *where = r->at;

	if (r->at == r->end || *r->at != '"')
		return fail(r, "expected a member's name");
	if (!read_string(r, ret) || !name_is_new(r, object, f, *ret, where))
		return false;
	skip_space(r);
	if (r->at == r->end || *r->at != ':')
		return fail(r, "expected \":\"");
	r->at++;
	skip_space(r);
	return true;
}

/* Elements or members, up to the closing bracket; r->at stands behind the opening one. */
static bool read_items(struct reader *r, struct json *parent, char close)
{
	struct json **tail = &parent->child;
	struct name_filter names = {0};

	skip_space(r);
	if (r->at < r->end && *r->at == close) {
		r->at++;
		return true;
	}
	for (;;) {
		struct slice name = {0};
		struct json *node;

		if (close == '}' && !read_name(r, parent, &names, &name))
			return false;
		node = new_node(r);
		if (!node || !read_value(r, node))
			return false;
		node->key = name;
		*tail = node;
		tail = &node->next;
		parent->count++;
		skip_space(r);
		if (r->at < r->end && *r->at == close)
			break;
		if (r->at == r->end || *r->at != ',')
			return fail(r, close == '}' ? "expected \",\" or \"}\""
						    : "expected \",\" or \"]\"");
		r->at++;
		skip_space(r);
	}
	r->at++;
	return close == ']' || names_differ(r, parent);
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

static bool read_value(struct reader *r, struct json *node)
{
	if (r->at == r->end)
		return fail(r, "expected a value");
	switch (*r->at) {
	case '"':
		node->type = JSON_STRING;
		return read_string(r, &node->text);
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

struct json *json_parse(struct arena *a, struct slice text, struct json_limits limits,
			struct json_fault *ret_fault)
{
	struct reader r = {
	    .start = text.len ? text.data : "",
	    .arena = a,
	    .nodes_left = limits.max_nodes,
	    .depth_left = MIN_OF(limits.max_depth, (uint32_t)DEPTH_CEILING),
	};
	struct json *root;

	r.at = r.start;
	r.end = r.start + text.len;
	skip_space(&r);
	root = new_node(&r);
	if (root && read_value(&r, root)) {
		skip_space(&r);
		if (r.at == r.end)
			return root;
		fail(&r, "expected the end");
	}
	if (ret_fault)
		*ret_fault = r.fault;
	return NULL;
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
