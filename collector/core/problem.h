/* problem: RFC 9457 problem documents, and the list of faults that one of them can carry.
 *
 * A fault names a member of the body, says what is wrong with it in a stable code, and in words. All faults of a lead are
 * collected before anything is answered. Past FAULTS_MAX the rest is counted only. */
#ifndef PUNNET_COLLECTOR_PROBLEM_H
#define PUNNET_COLLECTOR_PROBLEM_H

#include "base/buf.h"
#include "base/json.h"

enum problem {
#define PROBLEM(name, status, code, title) PROBLEM_##name,
#include "problems.def"
#undef PROBLEM
	PROBLEM_COUNT
};

#define FAULTS_MAX 64

struct fault {
	struct slice parent; /* "fields", or empty */
	struct slice field;
	const char *code;   /* stable */
	const char *detail; /* static text */
};

struct faults {
	struct fault list[FAULTS_MAX];
	size_t count; /* may exceed FAULTS_MAX: the rest is not listed */
};

void fault_add(struct faults *f, struct slice field, const char *code, const char *detail);
void fault_add_in(struct faults *f, const char *parent, struct slice field, const char *code,
		  const char *detail);

int problem_status(enum problem p);
const char *problem_code(enum problem p);
/* The problem that stands for a status which the HTTP server itself answers with. */
enum problem problem_of_status(int status);
/* Appends the document. faults and detail may be NULL; line 0 = not about a line of a batch. */
void problem_write(enum problem p, size_t line, const char *detail, const struct faults *faults,
		   struct buf *out);

#endif
