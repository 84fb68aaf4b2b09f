/* agent_disagrees: the browser's user agent says another system or another language than the form does.
 *
 * needs    both systems, both languages, as far as they are said and known
 * hit      the two systems, or the two languages, can't be those of one browser
 * unknown  of neither pair both are known; most browsers say no language
 * trap     expatriates have a browser in one language and declare another, so a hit only adds to the score. A tablet that
 *          asks for the desktop's page calls itself macOS or Linux, and Android is a Linux: those agree */
#include "filter-worker/core/filter.h"

/* By the first words that fit, in this order. What comes first names the system best: an old Windows phone also says
 * Android, and Android says Linux. */
static const struct {
	const char *word, *os;
} agent_words[] = {
    {"Windows", "windows"}, {"Android", "android"}, {"iPhone", "ios"},  {"iPad", "ios"},
    {"Macintosh", "macos"}, {"CrOS", "chromeos"},   {"Linux", "linux"},
};
static const struct {
	struct slice begin;
	const char *os;
} declared_words[] = {
    {SLICE("win"), "windows"}, {SLICE("android"), "android"}, {SLICE("ios"), "ios"},
    {SLICE("ipad"), "ios"},    {SLICE("iphone"), "ios"},      {SLICE("mac"), "macos"},
    {SLICE("os x"), "macos"},  {SLICE("cros"), "chromeos"},   {SLICE("chrome"), "chromeos"},
    {SLICE("linux"), "linux"}, {SLICE("ubuntu"), "linux"},
};
/* Pairs that one device can say. */
static const char *const alike[][2] = {
    {"macos", "ios"}, {"linux", "android"}, {"linux", "chromeos"}, {"android", "chromeos"}};

/* What stands between the first parentheses, and there only: the rest names engines and apps. */
static struct slice platform_of(const char *agent)
{
	const char *begin = strchr(agent, '('), *end = begin ? strchr(begin, ')') : NULL;

	return end ? slice_of(begin + 1, (size_t)(end - begin - 1)) : (struct slice){0};
}

static const char *agent_os(struct slice platform)
{
	for (size_t i = 0; platform.len > 0 && i < ARRAY_LEN(agent_words); i++) {
		if (memmem(platform.data, platform.len, agent_words[i].word,
			   strlen(agent_words[i].word)))
			return agent_words[i].os;
	}
	return NULL;
}

static const char *declared_os(struct slice os)
{
	for (size_t i = 0; i < ARRAY_LEN(declared_words); i++) {
		struct slice begin = declared_words[i].begin;

		if (os.len >= begin.len && slice_equal_nocase(slice_of(os.data, begin.len), begin))
			return declared_words[i].os;
	}
	return NULL;
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* "ru", "ru-RU", "ru_RU": the two letters; anything else says no language. */
static bool language_of(struct slice tag, bool region_too, char ret[2])
{
	bool region = tag.len == 5 && (tag.data[2] == '-' || tag.data[2] == '_') &&
		      is_letter(tag.data[3]) && is_letter(tag.data[4]);

	if (tag.len < 2 || !is_letter(tag.data[0]) || !is_letter(tag.data[1]))
		return false;
	if (!region && (region_too || (tag.len > 2 && tag.data[2] != '-' && tag.data[2] != '_')))
		return false;
	ret[0] = (char)(tag.data[0] | 0x20);
	ret[1] = (char)(tag.data[1] | 0x20);
	return true;
}

/* One of the platform's words between semicolons; two letters alone are something else there ("wv", "rv"). */
static bool agent_language(struct slice platform, char ret[2])
{
	while (platform.len > 0) {
		const char *end = memchr(platform.data, ';', platform.len);
		size_t len = end ? (size_t)(end - platform.data) : platform.len;

		if (language_of(slice_trim(slice_of(platform.data, len)), true, ret))
			return true;
		len += end != NULL;
		platform = slice_of(platform.data + len, platform.len - len);
	}
	return false;
}

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Lead *lead = sight->raw->lead;
	const Punnet__V1__Submission *s = sight->raw->submission;
	struct slice platform = s ? platform_of(s->user_agent) : (struct slice){0};
	const char *by_agent = agent_os(platform), *declared = declared_os(slice_cstr(lead->os));
	char language[2];

	if (by_agent)
		facts_set_text(ret, FACT_AGENT_OS, slice_cstr(by_agent));
	if (declared)
		facts_set_text(ret, FACT_DECLARED_OS, slice_cstr(declared));
	if (agent_language(platform, language))
		facts_set_text(ret, FACT_AGENT_LANGUAGE,
			       arena_dup(sight->arena, slice_of(language, sizeof(language))));
	if (language_of(slice_cstr(lead->language), false, language))
		facts_set_text(ret, FACT_DECLARED_LANGUAGE,
			       arena_dup(sight->arena, slice_of(language, sizeof(language))));
}

static bool systems_agree(struct slice a, struct slice b)
{
	if (slice_equal(a, b))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(alike); i++) {
		if ((slice_is(a, alike[i][0]) && slice_is(b, alike[i][1])) ||
		    (slice_is(b, alike[i][0]) && slice_is(a, alike[i][1])))
			return true;
	}
	return false;
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice agent_os, os, agent_language, language;
	bool systems =
	    facts_text(facts, FACT_AGENT_OS, &agent_os) && facts_text(facts, FACT_DECLARED_OS, &os);
	bool languages = facts_text(facts, FACT_AGENT_LANGUAGE, &agent_language) &&
			 facts_text(facts, FACT_DECLARED_LANGUAGE, &language);

	if (systems && !systems_agree(agent_os, os)) {
		ret->reason = REASON_AGENT_DISAGREES;
		finding_text(ret, "what", SLICE("operating system"));
		return ANSWER_HIT;
	}
	if (languages && !slice_equal(agent_language, language)) {
		ret->reason = REASON_AGENT_DISAGREES;
		finding_text(ret, "what", SLICE("language"));
		return ANSWER_HIT;
	}
	return systems || languages ? ANSWER_PASS : ANSWER_UNKNOWN;
}

const struct filter filter_agent_disagrees = {
    .name = "agent_disagrees",
    .help = "The user agent says another system or language than the form.",
    .action = ACTION_SCORE,
    .weight = 41,
    .local = true,
    .reasons = {REASON_AGENT_DISAGREES},
    FILTER_FACTS(FACT_AGENT_OS, FACT_DECLARED_OS, FACT_AGENT_LANGUAGE, FACT_DECLARED_LANGUAGE),
    .look = look,
    .judge = judge,
};
