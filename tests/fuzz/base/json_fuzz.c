/* Any bytes: a tree within its limits whose texts are UTF-8 and survive being written and read again, or a fault that
 * lies inside the input. Members that are had one by one are those of the tree, and their faults the tree's. */
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_tree(struct buf *b, const struct json *node)
{
	static const char *const words[] = {
	    [JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true"};

	assert(slice_utf8_valid(node->text));
	switch (node->type) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		buf_append_cstr(b, words[node->type]);
		return;
	case JSON_NUMBER:
		buf_append_slice(b, node->text);
		return;
	case JSON_STRING:
		json_write_string(b, node->text);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	buf_append_char(b, node->type == JSON_ARRAY ? '[' : '{');
	for (const struct json *m = node->child; m; m = m->next) {
		if (node->type == JSON_OBJECT) {
			json_write_string(b, m->key);
			buf_append_char(b, ':');
		}
		write_tree(b, m);
		if (m->next)
			buf_append_char(b, ',');
	}
	buf_append_char(b, node->type == JSON_ARRAY ? ']' : '}');
}

static void check_same(const struct json *a, const struct json *b)
{
	assert(a->type == b->type && a->count == b->count && slice_equal(a->key, b->key));
	assert(a->is_integer == b->is_integer && a->integer == b->integer);
	if (a->type == JSON_STRING || a->type == JSON_NUMBER)
		assert(slice_equal(a->text, b->text));
	for (a = a->child, b = b->child; a; a = a->next, b = b->next)
		check_same(a, b);
	assert(!b);
}

static void on_member(void *ctx, const struct json *member)
{
	const struct json **next = ctx;

	if (!*next)
		return; /* a fault follows */
	check_same(member, *next);
	*next = (*next)->next;
}

static void check_visit(struct arena *a, struct slice text, const struct json *tree,
			const struct json_fault *of_tree)
{
	const struct json *next = tree ? tree->child : NULL;
	struct json_fault fault = {0};

	switch (json_visit(a, text, JSON_LIMITS_DEFAULT, on_member, &next, &fault)) {
	case JSON_VISITED:
		assert(tree && tree->type == JSON_OBJECT && !next);
		break;
	case JSON_NO_OBJECT:
		assert(tree && tree->type != JSON_OBJECT);
		break;
	case JSON_FAULTY:
		assert(!tree && fault.offset == of_tree->offset &&
		       strcmp(fault.what, of_tree->what) == 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena a = {0};
	_cleanup_(buf_free) struct buf written = {0};
	struct json_fault fault = {0};
	struct json *tree = json_parse(&a, slice_of(data, size), JSON_LIMITS_DEFAULT, &fault),
		    *again;

	check_visit(&a, slice_of(data, size), tree, &fault);
	if (!tree) {
		assert(fault.what && fault.offset <= size);
		return 0;
	}
	write_tree(&written, tree);
	again = json_parse(&a, buf_slice(&written), JSON_LIMITS_DEFAULT, &fault);
	assert(again);
	check_same(tree, again);
	return 0;
}
