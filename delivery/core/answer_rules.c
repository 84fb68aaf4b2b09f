/* answer_rules: see answer_rules.h. */
#include "answer_rules.h"

#include "base/money.h"

#define PRICE_MAX_MINOR 1000000000000000LL

void answer_rules_default(struct answer_rules *ret)
{
	*ret = (struct answer_rules){
	    .ok_status = {200, 201, 202, 204},
	    .ok_status_count = 4,
	    .refused = {.pointer = "/outcome", .values = {"refused", "rejected"}, .value_count = 2},
	    .duplicate = {.pointer = "/outcome",
			  .values = {"duplicate", "duplicated"},
			  .value_count = 2},
	    .reason_pointer = "/reason",
	};
}

/* --- reading them --- */

static bool read_pointer(const struct settings *s, const char *name, char *ret)
{
	if (!settings_text(s, name, ret, ANSWER_POINTER_MAX))
		return false;
	return ret[0] == 0 || ret[0] == '/' ||
	       settings_fault(s, name, "a JSON pointer, for example \"/outcome\"");
}

bool answer_status_read(const struct settings *s, const char *name, uint32_t least, uint32_t most,
			uint32_t *ret, size_t room, size_t *ret_count)
{
	const struct json *list = settings_get(s, name);
	size_t count = 0;

	if (!list)
		return true;
	if (list->type == JSON_ARRAY && list->count > 0 && list->count <= room) {
		for (const struct json *v = list->child; v; v = v->next) {
			if (!v->is_integer || v->integer < least || v->integer > most)
				break;
			ret[count++] = (uint32_t)v->integer;
		}
	}
	*ret_count = count;
	if (count > 0 && count == list->count)
		return true;
	error_set(s->error, RESULT_BAD, "%s.%s: expected 1 to %zu numbers from %u to %u", s->path,
		  name, room, least, most);
	return false;
}

/* Texts, numbers and truth values, as their text. */
static bool copy_value(const struct json *v, char ret[ANSWER_VALUE_MAX])
{
	struct json text = {.type = JSON_STRING, .text = v->text};

	if (v->type == JSON_TRUE || v->type == JSON_FALSE)
		text.text = v->type == JSON_TRUE ? SLICE("true") : SLICE("false");
	else if (v->type != JSON_STRING && v->type != JSON_NUMBER)
		return false;
	return settings_copy(&text, ret, ANSWER_VALUE_MAX);
}

static bool read_values(const struct settings *s, const char *name, struct answer_rule *rule)
{
	const struct json *list = settings_get(s, name);

	if (!list)
		return true;
	if (list->type != JSON_ARRAY || list->count == 0 || list->count > ANSWER_VALUES_MAX)
		return settings_fault(s, name, "1 to 8 short texts");
	rule->value_count = 0;
	for (const struct json *v = list->child; v; v = v->next)
		if (!copy_value(v, rule->values[rule->value_count++]))
			return settings_fault(s, name, "1 to 8 short texts");
	return true;
}

bool answer_rule_is_set(const struct answer_rule *rule)
{
	return *rule->pointer || *rule->pattern;
}

bool answer_rule_parts(const struct settings *s, struct answer_rule *ret)
{
	struct answer_rule rule = {0};

	if (!read_pointer(s, "pointer", rule.pointer) || !read_values(s, "values", &rule) ||
	    !settings_text(s, "pattern", rule.pattern, ANSWER_PATTERN_MAX))
		return false;
	if ((*rule.pointer && *rule.pattern) || !*rule.pointer != (rule.value_count == 0)) {
		error_set(s->error, RESULT_BAD,
			  "%s: expected {pointer: /status, values: [ok]} or {pattern: "
			  "\"*accepted*\"}",
			  s->path);
		return false;
	}
	*ret = rule;
	return true;
}

static bool read_rule(const struct settings *s, const char *name, struct answer_rule *ret)
{
	struct settings inside;

	if (!settings_get(s, name))
		return true;
	return settings_inside(s, name, "pointer, values, pattern", &inside) &&
	       answer_rule_parts(&inside, ret) &&
	       (answer_rule_is_set(ret) ||
		settings_fault(s, name, "{pointer: /status, values: [ok]} or {pattern: \"*ok*\"}"));
}

static bool read_price(const struct settings *s, struct answer_rules *rules)
{
	struct settings inside;
	char unit[16] = "minor";

	if (!settings_get(s, "price"))
		return true;
	if (!settings_inside(s, "price", "pointer, unit", &inside) ||
	    !read_pointer(&inside, "pointer", rules->price_pointer) ||
	    !settings_text(&inside, "unit", unit, sizeof(unit)))
		return false;
	if (!*rules->price_pointer)
		return settings_fault(&inside, "pointer", "a JSON pointer");
	rules->price_is_major = strcmp(unit, "major") == 0;
	return rules->price_is_major || strcmp(unit, "minor") == 0 ||
	       settings_fault(&inside, "unit", "major or minor");
}

bool answer_rules_read(const struct settings *webhook, struct answer_rules *ret)
{
	struct settings s;

	answer_rules_default(ret);
	if (!settings_get(webhook, "success"))
		return true;
	if (!settings_inside(webhook, "success",
			     "status, accepted, refused, duplicate, busy, refused_pointer, "
			     "refused_values, reason_pointer, price",
			     &s))
		return false;
	if (settings_get(&s, "refused") &&
	    (settings_get(&s, "refused_pointer") || settings_get(&s, "refused_values")))
		return settings_fault(&s, "refused", "no refused_pointer beside it");

	return answer_status_read(&s, "status", 200, 299, ret->ok_status, ANSWER_STATUS_MAX,
				  &ret->ok_status_count) &&
	       read_pointer(&s, "refused_pointer", ret->refused.pointer) &&
	       read_values(&s, "refused_values", &ret->refused) &&
	       read_rule(&s, "accepted", &ret->accepted) &&
	       read_rule(&s, "refused", &ret->refused) &&
	       read_rule(&s, "duplicate", &ret->duplicate) && read_rule(&s, "busy", &ret->busy) &&
	       read_pointer(&s, "reason_pointer", ret->reason_pointer) && read_price(&s, ret);
}

/* --- holding an answer against them --- */

/* One reference token, with ~1 and ~0 undone. */
static struct slice pointer_token(const char **pointer, char room[ANSWER_POINTER_MAX])
{
	size_t len = 0;
	const char *p = *pointer;

	for (; *p && *p != '/' && len < ANSWER_POINTER_MAX; p++) {
		if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
			room[len++] = *++p == '0' ? '~' : '/';
		else
			room[len++] = *p;
	}
	*pointer = p;
	return slice_of(room, len);
}

static const struct json *step_into(const struct json *node, struct slice token)
{
	int64_t index = -1;

	if (node->type != JSON_OBJECT && node->type != JSON_ARRAY)
		return NULL;
	if (node->type == JSON_ARRAY && (!slice_to_int64(token, &index) || index < 0))
		return NULL;
	for (const struct json *child = node->child; child; child = child->next)
		if (node->type == JSON_OBJECT ? slice_equal(child->key, token) : index-- == 0)
			return child;
	return NULL;
}

const struct json *json_at_pointer(const struct json *root, const char *pointer)
{
	char room[ANSWER_POINTER_MAX];

	while (root && *pointer == '/') {
		pointer++;
		root = step_into(root, pointer_token(&pointer, room));
	}
	return root;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool pattern_fits(const char *pattern, struct slice text)
{
	const char *star = NULL;
	size_t at = 0, star_at = 0;

	while (at < text.len) {
		if (*pattern == '*') {
			star = ++pattern;
			star_at = at;
		} else if (*pattern &&
			   (*pattern == '?' || lower(*pattern) == lower(text.data[at]))) {
			pattern++;
			at++;
		} else if (star) {
			/* the last star takes one byte more; earlier ones never need to */
			pattern = star;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == 0;
}

struct answer_text answer_text_of(struct slice body, struct arena *scratch)
{
	struct json_fault fault;

	return (struct answer_text){
	    .body = body,
	    .root = body.len > 0 ? json_parse(scratch, body, JSON_LIMITS_DEFAULT, &fault) : NULL,
	};
}

static struct slice plain_text(const struct json *node)
{
	if (!node)
		return slice_of(NULL, 0);
	switch (node->type) {
	case JSON_STRING:
	case JSON_NUMBER:
		return slice_trim(node->text);
	case JSON_TRUE:
		return SLICE("true");
	case JSON_FALSE:
		return SLICE("false");
	default:
		return slice_of(NULL, 0);
	}
}

bool answer_rule_fits(const struct answer_rule *rule, const struct answer_text *text)
{
	struct slice said;

	if (*rule->pattern)
		return pattern_fits(
		    rule->pattern,
		    slice_of(text->body.data, MIN_OF(text->body.len, ANSWER_PATTERN_SCAN_MAX)));
	if (!*rule->pointer || !text->root)
		return false;
	said = plain_text(json_at_pointer(text->root, rule->pointer));
	for (size_t i = 0; said.len > 0 && i < rule->value_count; i++)
		if (slice_equal_nocase(said, slice_cstr(rule->values[i])))
			return true;
	return false;
}

enum answer_word answer_word_of(const struct answer_rules *rules, const struct answer_text *text)
{
	if (answer_rule_fits(&rules->busy, text))
		return WORD_BUSY;
	if (answer_rule_fits(&rules->duplicate, text))
		return WORD_DUPLICATE;
	if (answer_rule_fits(&rules->refused, text))
		return WORD_REFUSED;

	return answer_rule_fits(&rules->accepted, text) ? WORD_ACCEPTED : WORD_NONE;
}

/* Digits with at most `exponent` behind the point, which may be missing; what is behind those must be zeros. */
static bool minor_from_text(struct slice text, int exponent, int64_t *ret)
{
	int64_t value = 0;
	int behind = -1, digits = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '.' && behind < 0 && digits > 0) {
			behind = 0;
			continue;
		}
		if (c < '0' || c > '9' || value > PRICE_MAX_MINOR / 10)
			return false;
		digits++;
		if (behind >= exponent && c != '0')
			return false;
		if (behind >= exponent)
			continue;
		value = value * 10 + (c - '0');
		behind += behind >= 0;
	}
	for (behind = MAX_OF(behind, 0); behind < exponent; behind++) {
		if (value > PRICE_MAX_MINOR / 10)
			return false;
		value *= 10;
	}
	*ret = value;
	return digits > 0;
}

bool answer_price(const struct answer_rules *rules, const struct answer_text *text,
		  const char *currency, int64_t *ret_minor)
{
	int exponent = rules->price_is_major ? money_exponent(currency) : 0;

	if (!*rules->price_pointer || !text->root || exponent < 0)
		return false;
	return minor_from_text(plain_text(json_at_pointer(text->root, rules->price_pointer)),
			       exponent, ret_minor);
}
