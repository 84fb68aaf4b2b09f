/* The table of a lead's life: complete, consistent, and the one that docs/lead-life.md shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "base/buf.h"
#include "payout/core/life.h"
#include "payout/core/returns.h"

#define DOC "docs/lead-life.md"

static void every_pair_of_state_and_event_has_its_row(_unused_ void **state)
{
	for (int s = LIFE_NONE; s < LIFE_STATE_COUNT; s++)
		for (int e = EVENT_NONE + 1; e < EVENT_COUNT; e++)
			assert_non_null(life_rule((enum life_state)s, (enum life_event)e));
}

/* What each kind of step may and must say. */
static void rows_do_not_contradict_themselves(_unused_ void **state)
{
	for (int s = LIFE_NONE; s < LIFE_STATE_COUNT; s++) {
		for (int e = EVENT_NONE + 1; e < EVENT_COUNT; e++) {
			const struct life_rule *r =
			    life_rule((enum life_state)s, (enum life_event)e);
			bool moves = r->step == STEP_MOVE || r->step == STEP_AGAIN;

			assert_int_equal(moves, r->to != (enum life_state)s);
			assert_int_equal(moves, r->feedback != FEEDBACK_NONE);
			assert_int_equal(r->step == STEP_IGNORE, r->ignored != IGNORED_NONE);
			if (r->transfer != TRANSFER_NONE)
				assert_true(moves);
			if (r->step == STEP_WAIT || r->step == STEP_RECORD)
				assert_true(event_is_verdict((enum life_event)e));
			if (r->step == STEP_WAIT)
				assert_false(life_is_sold((enum life_state)s));
		}
	}
}

static void money_moves_with_the_sold_states_and_only_with_them(_unused_ void **state)
{
	for (int s = LIFE_NONE; s < LIFE_STATE_COUNT; s++) {
		for (int e = EVENT_NONE + 1; e < EVENT_COUNT; e++) {
			const struct life_rule *r =
			    life_rule((enum life_state)s, (enum life_event)e);
			bool was = life_is_sold((enum life_state)s), is = life_is_sold(r->to);

			assert_true(!was || is); /* nobody leaves the sold states */
			assert_int_equal(r->transfer == TRANSFER_CREDIT, !was && is);
			if (r->to != (enum life_state)s && was)
				assert_int_equal(r->transfer,
						 r->to == LIFE_RETURNED ? TRANSFER_REVERSE
						 : r->to == LIFE_WAIVED ? TRANSFER_BEAR
									: TRANSFER_APPROVE);
		}
	}
}

/* Once the webmaster's money is payable, no event takes it back: what comes after is the network's loss. */
static void nothing_takes_an_approved_payout_back(_unused_ void **state)
{
	for (int e = EVENT_NONE + 1; e < EVENT_COUNT; e++) {
		const struct life_rule *r = life_rule(LIFE_APPROVED, (enum life_event)e);

		assert_true(r->transfer == TRANSFER_NONE || r->transfer == TRANSFER_BEAR);
		assert_true(r->to == LIFE_APPROVED || r->to == LIFE_WAIVED);
		assert_int_equal(life_rule(LIFE_WAIVED, (enum life_event)e)->to, LIFE_WAIVED);
	}
}

static void months_are_those_of_the_calendar(_unused_ void **state)
{
	assert_int_equal(month_of(0), 0);
	assert_int_equal(month_of(31 * MS_PER_DAY - 1), 0);
	assert_int_equal(month_of(31 * MS_PER_DAY), 1);
	assert_int_equal(month_of(1709164800000LL), (2024 - 1970) * 12 + 1);  /* 29 February */
	assert_int_equal(month_of(1709251200000LL), (2024 - 1970) * 12 + 2);  /* 1 March */
	assert_int_equal(month_of(1798761599999LL), (2026 - 1970) * 12 + 11); /* the last ms */
	assert_int_equal(month_of(1798761600000LL), (2027 - 1970) * 12);
}

static void write_cell(struct buf *out, const struct life_rule *r)
{
	switch (r->step) {
	case STEP_MOVE:
		buf_printf(out, "**%s**", life_state_name(r->to));
		if (r->transfer != TRANSFER_NONE)
			buf_printf(out, ", %s", transfer_event_name(r->transfer));
		break;
	case STEP_AGAIN:
		buf_printf(out, "**%s**, %s, then again", life_state_name(r->to),
			   transfer_event_name(r->transfer));
		break;
	case STEP_RECORD:
		buf_append_cstr(out, "recorded");
		break;
	case STEP_WAIT:
		buf_append_cstr(out, "waits");
		break;
	case STEP_IGNORE:
		buf_printf(out, "`%s`", ignored_code(r->ignored));
		break;
	}
}

static void write_table(struct buf *out)
{
	buf_append_cstr(out, "| event | ");
	for (int s = LIFE_NONE; s < LIFE_STATE_COUNT; s++)
		buf_printf(out, "%s |%s", life_state_name((enum life_state)s),
			   s + 1 < LIFE_STATE_COUNT ? " " : "\n|---|");
	for (int s = LIFE_NONE; s < LIFE_STATE_COUNT; s++)
		buf_append_cstr(out, "---|");
	buf_append_char(out, '\n');
	for (int e = EVENT_NONE + 1; e < EVENT_COUNT; e++) {
		buf_printf(out, "| %s |", life_event_name((enum life_event)e));
		for (int s = LIFE_NONE; s < LIFE_STATE_COUNT; s++) {
			buf_append_char(out, ' ');
			write_cell(out, life_rule((enum life_state)s, (enum life_event)e));
			buf_append_cstr(out, " |");
		}
		buf_append_char(out, '\n');
	}
	buf_append_cstr(out, "\n| ignored because | meaning |\n|---|---|\n");
	for (int i = IGNORED_NONE + 1; i < IGNORED_COUNT; i++)
		buf_printf(out, "| `%s` | %s |\n", ignored_code((enum ignored)i),
			   ignored_text((enum ignored)i));
	buf_append_cstr(out, "\n| returned because | fault | meaning |\n|---|---|---|\n");
	for (int i = 0; i < RETURN_REASON_COUNT; i++)
		buf_printf(out, "| `%s` | %s | %s |\n", return_reason_code((enum return_reason)i),
			   return_reason_fault((enum return_reason)i) == FAULT_BUYER ? "buyer's"
										     : "source's",
			   return_reason_text((enum return_reason)i));
}

static void the_documented_table_is_the_one_in_the_code(_unused_ void **state)
{
	char *doc = NULL;
	size_t cap = 0;
	struct buf table = {0};
	FILE *f = fopen(DOC, "r");

	assert_non_null(f);
	assert_true(getdelim(&doc, &cap, '\0', f) > 0);
	fclose(f);
	write_table(&table);
	if (!strstr(doc, buf_cstr(&table)))
		fail_msg("%s does not hold the table that this program prints with --table", DOC);
	free(doc);
	buf_free(&table);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_takes_an_approved_payout_back),
	    cmocka_unit_test(months_are_those_of_the_calendar),
	    cmocka_unit_test(every_pair_of_state_and_event_has_its_row),
	    cmocka_unit_test(rows_do_not_contradict_themselves),
	    cmocka_unit_test(money_moves_with_the_sold_states_and_only_with_them),
	    cmocka_unit_test(the_documented_table_is_the_one_in_the_code),
	};

	if (argc == 2 && strcmp(argv[1], "--table") == 0) {
		struct buf table = {0};

		write_table(&table);
		fputs(buf_cstr(&table), stdout);
		buf_free(&table);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
