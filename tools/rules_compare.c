/* rules_compare: two rule sets, in meaning: the lines of their canonical texts that only one has. */
#include <stdio.h>

#include "rules.h"

/* The next line without its end; false when there is none. */
static bool take_line(struct slice *rest, struct slice *ret)
{
	const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;

	if (rest->len == 0)
		return false;
	*ret = slice_of(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	rest->data += ret->len + (end ? 1 : 0);
	rest->len -= ret->len + (end ? 1 : 0);
	return true;
}

static bool has_line(struct slice text, struct slice wanted)
{
	struct slice line;

	while (take_line(&text, &line))
		if (slice_equal(line, wanted))
			return true;
	return false;
}

/* The lines of a that b does not have. */
static size_t print_missing(struct slice a, struct slice b, char sign)
{
	struct slice line;
	size_t count = 0;

	while (take_line(&a, &line)) {
		if (has_line(b, line))
			continue;
		printf("%c " SLICE_FMT "\n", sign, SLICE_ARG(line));
		count++;
	}
	return count;
}

/* The canonical text with the scope before each of its lines: a rule may stand in several. */
static void write_scoped(const struct ruleset *rs, struct buf *out)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct slice rest, line, scope = {0};

	ruleset_write(rs, &text);
	rest = buf_slice(&text);
	while (take_line(&rest, &line)) {
		if (slice_starts_with(line, "scope "))
			scope = slice_of(line.data + strlen("scope "), line.len - strlen("scope "));
		else if (scope.len > 0)
			buf_printf(out, SLICE_FMT ": ", SLICE_ARG(scope));
		buf_append_slice(out, line);
		buf_append_char(out, '\n');
	}
}

/* The order of rules is told apart by the hash, and said in words. */
bool rules_print_difference(const struct ruleset *a, const struct ruleset *b)
{
	_cleanup_(buf_free) struct buf x = {0}, y = {0};
	size_t lines;

	if (strcmp(a->hash, b->hash) == 0)
		return false;
	write_scoped(a, &x);
	write_scoped(b, &y);
	lines = print_missing(buf_slice(&x), buf_slice(&y), '-');
	lines += print_missing(buf_slice(&y), buf_slice(&x), '+');
	if (lines == 0)
		puts("the rules stand in another order");
	return true;
}
