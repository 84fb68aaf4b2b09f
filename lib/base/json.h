/* json: a strict RFC 8259 reader over an arena, and a writer over a buf.
 *
 * The reader makes a tree of nodes. Text is unescaped into the arena (or points into the input where nothing was
 * escaped) and is valid UTF-8; lone surrogates and duplicate members of one object are faults. Numbers keep their text:
 * an integer that fits int64_t is also given as one, nothing is ever turned into floating point. */
#ifndef PUNNET_JSON_H
#define PUNNET_JSON_H

#include "arena.h"
#include "buf.h"

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	enum json_type type;
	bool is_integer; /* a number that fits integer */
	bool holds_nul; /* json_visit() only: a NUL stands in the name, or in a text of the value */
	int64_t integer;
	struct slice text; /* string: unescaped; number: as written; array, object: the raw bytes */
	struct slice key;  /* unescaped member name, when this is a member of an object */
	struct json *child; /* first element or member */
	struct json *next;  /* next sibling */
	uint32_t count;     /* elements or members */
};

struct json_limits {
	uint32_t max_depth; /* containers inside containers */
	uint32_t max_nodes;
};

struct json_fault {
	size_t offset;    /* of the byte where reading stopped */
	const char *what; /* "expected a value", static */
};

#define JSON_LIMITS_DEFAULT ((struct json_limits){.max_depth = 16, .max_nodes = 4096})

/* NULL on a fault, which is then described. The tree lives in the arena and may point into `text`. */
struct json *json_parse(struct arena *a, struct slice text, struct json_limits limits,
			struct json_fault *ret_fault);
/* The same for a text that is one object, without a tree of it: each member is handed over as soon as it is read, in the
 * text's order. The member's own node lives during the call; what it points to lives as a tree would. */
enum json_visited {
	JSON_VISITED,
	JSON_NO_OBJECT, /* JSON, but something else */
	JSON_FAULTY,    /* ret_fault says why; members that stood before it were handed over */
};
typedef void (*json_member_fn)(void *ctx, const struct json *member);
_must_use_ enum json_visited json_visit(struct arena *a, struct slice text,
					struct json_limits limits, json_member_fn visit, void *ctx,
					struct json_fault *ret_fault);
struct json *json_member(const struct json *object,
			 const char *name); /* NULL when absent or not an object */

/* The writer: the caller writes punctuation; these write values. */
void json_write_string(struct buf *b,
		       struct slice s); /* quoted and escaped; invalid UTF-8 becomes U+FFFD */
void json_write_member(struct buf *b, const char *name, struct slice s); /* "name":"s"  */
void json_write_member_int(struct buf *b, const char *name, int64_t value);

#endif
