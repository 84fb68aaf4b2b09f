/* order_delivery: see order_delivery.h. */
#include "order_delivery.h"

#include "delivery/channels/channel.h"

#define TIMEOUT_CHECKED_MS 5000 /* the check needs one; delivery has its own */

void yaml_write_json(const struct yaml *y, struct buf *out)
{
	int64_t number;
	bool first = true;

	if (y->type == YAML_SCALAR) {
		if (!y->quoted && (slice_to_int64(y->text, &number) || slice_is(y->text, "true") ||
				   slice_is(y->text, "false") || slice_is(y->text, "null")))
			buf_append_slice(out, y->text);
		else
			json_write_string(out, y->text);
		return;
	}
	buf_append_char(out, y->type == YAML_MAP ? '{' : '[');
	for (const struct yaml *m = y->child; m; m = m->next, first = false) {
		if (!first)
			buf_append_char(out, ',');
		if (y->type == YAML_MAP) {
			json_write_string(out, m->key);
			buf_append_char(out, ':');
		}
		yaml_write_json(m, out);
	}
	buf_append_char(out, y->type == YAML_MAP ? '}' : ']');
}

/* A fault begins with the path of what is wrong, "webhook.success.status: …": the line of it, as far as the path is there. */
static int line_of(const struct yaml *delivery, const char *fault)
{
	const struct yaml *at = delivery;
	int line = delivery->line;

	while (at) {
		size_t len = strcspn(fault, ".: ");
		const struct yaml *next = NULL;

		for (const struct yaml *m = at->type == YAML_MAP ? at->child : NULL; m; m = m->next)
			if (slice_equal(m->key, slice_of(fault, len)))
				next = m;
		at = next;
		line = at ? at->line : line;
		if (fault[len] != '.')
			break;
		fault += len + 1;
	}
	return line;
}

char *order_delivery_read(struct arena *a, const struct yaml *order, const char *order_id,
			  struct yaml_faults *f)
{
	const struct yaml *delivery = yaml_get(order, "delivery");
	_cleanup_(buf_free) struct buf json = {0};
	const struct channel *channel;
	struct endpoint endpoint;
	struct error e = {0};

	if (!delivery || delivery->type != YAML_MAP) {
		yaml_fault(f, delivery ? delivery->line : order->line,
			   "order %s: expected delivery: {webhook: {url: \"https://…\"}}",
			   order_id);
		return (char *)"";
	}
	yaml_write_json(delivery, &json);
	if (channel_read(buf_slice(&json), TIMEOUT_CHECKED_MS, a, &channel, &endpoint, &e) !=
	    RESULT_OK) {
		yaml_fault(f, line_of(delivery, e.text), "order %s: delivery: %s", order_id,
			   e.text);
		return (char *)"";
	}
	return arena_cstr(a, buf_slice(&json));
}
