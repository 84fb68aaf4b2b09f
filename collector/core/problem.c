/* problem: see problem.h. Text from clients is escaped; nothing of a contact but field names goes in. */
#include "problem.h"

#define FIELD_NAME_SHOWN_MAX 80

static const struct {
	int status;
	const char *code, *title;
} table[] = {
#define PROBLEM(name, status, code, title) [PROBLEM_##name] = {status, code, title},
#include "problems.def"
#undef PROBLEM
};

void fault_add_in(struct faults *f, const char *parent, struct slice field, const char *code,
		  const char *detail)
{
	if (f->count < FAULTS_MAX)
		f->list[f->count] = (struct fault){slice_cstr(parent), field, code, detail};
	f->count++;
}

void fault_add(struct faults *f, struct slice field, const char *code, const char *detail)
{
	fault_add_in(f, NULL, field, code, detail);
}

int problem_status(enum problem p)
{
	return table[p].status;
}

const char *problem_code(enum problem p)
{
	return table[p].code;
}

enum problem problem_of_status(int status)
{
	switch (status) {
	case 408:
		return PROBLEM_REQUEST_TIMEOUT;
	case 413:
		return PROBLEM_TOO_LARGE;
	case 431:
		return PROBLEM_HEADERS_TOO_LARGE;
	case 503:
		return PROBLEM_BUSY;
	default:
		return PROBLEM_MALFORMED_REQUEST;
	}
}

static void write_fault(const struct fault *f, struct buf *out)
{
	char name[2 * FIELD_NAME_SHOWN_MAX + 2];
	size_t parent = MIN_OF(f->parent.len, (size_t)FIELD_NAME_SHOWN_MAX);
	size_t field = MIN_OF(f->field.len, (size_t)FIELD_NAME_SHOWN_MAX), len = 0;

	if (parent > 0) {
		memcpy(name, f->parent.data, parent);
		name[parent] = '.';
		len = parent + 1;
	}
	if (field > 0)
		memcpy(name + len, f->field.data, field);
	len += field;
	buf_append_char(out, '{');
	json_write_member(out, "field", slice_of(name, len));
	buf_append_char(out, ',');
	json_write_member(out, "code", slice_cstr(f->code));
	buf_append_char(out, ',');
	json_write_member(out, "detail", slice_cstr(f->detail));
	buf_append_char(out, '}');
}

void problem_write(enum problem p, size_t line, const char *detail, const struct faults *faults,
		   struct buf *out)
{
	buf_append_char(out, '{');
	if (line > 0) {
		json_write_member_int(out, "line", (int64_t)line);
		buf_append_char(out, ',');
	}
	json_write_member(out, "type", SLICE("about:blank"));
	buf_append_char(out, ',');
	json_write_member(out, "title", slice_cstr(table[p].title));
	buf_append_char(out, ',');
	json_write_member_int(out, "status", table[p].status);
	buf_append_char(out, ',');
	json_write_member(out, "code", slice_cstr(table[p].code));
	if (detail) {
		buf_append_char(out, ',');
		json_write_member(out, "detail", slice_cstr(detail));
	}
	if (table[p].status == 400 && !(faults && faults->count > 0)) {
		/* Every 400 has its list, so that clients need one way to read it. */
		struct fault whole = {.code = table[p].code,
				      .detail = detail ? detail : table[p].title,
				      .field = SLICE("")};

		buf_append_cstr(out, ",\"errors\":[");
		write_fault(&whole, out);
		buf_append_char(out, ']');
	}
	if (faults && faults->count > 0) {
		size_t shown = MIN_OF(faults->count, (size_t)FAULTS_MAX);

		buf_append_cstr(out, ",\"errors\":[");
		for (size_t i = 0; i < shown; i++) {
			if (i > 0)
				buf_append_char(out, ',');
			write_fault(&faults->list[i], out);
		}
		buf_append_char(out, ']');
	}
	buf_append_char(out, '}');
}
