/* Any bytes: faults with their lines, or a rule set that is written and read again with its hash, also after it was tried in
 * shadow and promoted. */
#include "filter-worker/core/ruleset_change.h"
#include "filter-worker/shell/rules_file.h"

#define INPUT_MAX 16384 /* libyaml is slow on what is deep */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* false: it can't stand in a file; only what was changed here may be so. */
static bool reads_again(struct ruleset *rs, bool must)
{
	static struct ruleset again;
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = "written"};
	bool same;

	ruleset_seal(rs);
	rules_file_write(rs, &text);
	same = rules_file_read(buf_slice(&text), &again, &faults) == RESULT_OK;
	if (same ? strcmp(rs->hash, again.hash) != 0 : must)
		__builtin_trap();
	return same;
}

/* What is in force stays as it is while it is tried, so only a clash of two copies of one filter may be refused. */
static void change(const struct ruleset *rs)
{
	static struct ruleset next;

	ruleset_standard(&next);
	if (ruleset_shadow(&next, rs) == CHANGE_MADE && reads_again(&next, false) &&
	    ruleset_promote(&next, NULL) == CHANGE_MADE)
		(void)reads_again(&next, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ruleset rs;
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = "rules.yaml"};

	if (size > INPUT_MAX)
		return 0;
	if (rules_file_read(slice_of(data, size), &rs, &faults) != RESULT_OK) {
		if (faults.count == 0 || !strstr(buf_cstr(&faults.text), "rules.yaml:"))
			__builtin_trap();
		return 0;
	}
	(void)reads_again(&rs, true);
	change(&rs);
	return 0;
}
