/* name_parts: the parts of a Russian name belong to people of different sex.
 *
 * needs    the sex of the first name (of those that only men or only women have), of the patronymic and of the surname by
 *          their endings, and the one that the form asked for
 * hit      two of them are known and differ
 * unknown  fewer than two are known: foreign names have no patronymic, and many names have no sex
 * trap     foreign names: without a patronymic no surname is judged by its ending, for Charlie Chaplin's daughter ends like a
 *          man. A surname that stands between first name and patronymic is found by its place. Clerks err, and families keep
 *          surnames from before a border, so a hit only adds to the score */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/name_model.h"
#include "filter-worker/core/names.h"

#define WORDS_MAX    4 /* of a whole name; what has more is not taken apart */
#define LETTER_BYTES 2 /* of a Cyrillic letter in UTF-8 */

/* A word in small letters without accents, and as bases. */
struct part {
	uint8_t bases[LETTERS_WORD_MAX];
	char text[LETTERS_WORD_MAX * LETTER_BYTES];
	size_t letters; /* 0: not Cyrillic, too long, or none */
};

struct ending {
	struct slice text;
	size_t letters_least; /* of the whole word */
	char sex;
};

static const struct ending patronymics[] = {{SLICE("ович"), 6, 'm'}, {SLICE("евич"), 6, 'm'},
					    {SLICE("ьич"), 5, 'm'},  {SLICE("овна"), 6, 'f'},
					    {SLICE("евна"), 6, 'f'}, {SLICE("ична"), 6, 'f'},
					    {SLICE("оглы"), 4, 'm'}, {SLICE("кызы"), 4, 'f'},
					    {SLICE("угли"), 4, 'm'}, {SLICE("кизи"), 4, 'f'}};
static const struct ending surnames[] = {
    {SLICE("ов"), 4, 'm'},  {SLICE("ев"), 4, 'm'},   {SLICE("ин"), 5, 'm'},
    {SLICE("ын"), 5, 'm'},  {SLICE("ский"), 6, 'm'}, {SLICE("цкий"), 6, 'm'},
    {SLICE("ова"), 5, 'f'}, {SLICE("ева"), 5, 'f'},  {SLICE("ина"), 7, 'f'},
    {SLICE("ына"), 7, 'f'}, {SLICE("ская"), 6, 'f'}, {SLICE("цкая"), 6, 'f'}};

static void read_part(struct slice word, unsigned scripts, struct part *ret)
{
	ret->letters = scripts == SCRIPT_CYRILLIC ? letters_bases(word, scripts, ret->bases) : 0;
	for (size_t i = 0; i < ret->letters; i++) {
		unsigned code = 0x430U + ret->bases[i] - 1;

		ret->text[LETTER_BYTES * i] = (char)(0xC0 | code >> 6);
		ret->text[LETTER_BYTES * i + 1] = (char)(0x80 | (code & 0x3F));
	}
}

/* 0: none of the endings. */
static char sex_by_ending(const struct part *p, const struct ending *endings, size_t count)
{
	size_t bytes = p->letters * LETTER_BYTES;

	for (size_t i = 0; i < count; i++) {
		struct slice text = endings[i].text;

		if (p->letters >= endings[i].letters_least && bytes >= text.len &&
		    slice_same_bytes(p->text + bytes - text.len, text.data, text.len))
			return endings[i].sex;
	}
	return 0;
}

static char patronymic_sex(const struct part *p)
{
	return sex_by_ending(p, patronymics, ARRAY_LEN(patronymics));
}

static char surname_sex(const struct part *p)
{
	return sex_by_ending(p, surnames, ARRAY_LEN(surnames));
}

static char first_sex(const struct part *p)
{
	return p->letters > 0 ? first_name_sex(p->bases, p->letters) : 0;
}

/* WORDS_MAX + 1: too many. */
static size_t read_parts(struct slice name, struct part ret[WORDS_MAX])
{
	struct slice word;
	unsigned scripts;
	size_t count = 0;

	while (letters_word(&name, &word, &scripts)) {
		if (count == WORDS_MAX)
			return WORDS_MAX + 1;
		read_part(word, scripts, &ret[count++]);
	}
	return count;
}

struct sexes {
	char first, patronymic, surname;
};

/* A patronymic follows its first name, and a surname may look like one (Roman Abramovich): so the word before it decides. */
static size_t patronymic_place(const struct part *parts, size_t count)
{
	size_t found = 0;

	for (size_t i = 1; i < count; i++) {
		if (!patronymic_sex(&parts[i]))
			continue;
		if (first_sex(&parts[i - 1]))
			return i;
		found = found ? found : i;
	}
	return found;
}

static void take_apart(struct slice name, struct sexes *ret)
{
	struct part parts[WORDS_MAX];
	size_t count = read_parts(name, parts), at;

	if (count < 2 || count > WORDS_MAX)
		return;
	at = count == 3 ? patronymic_place(parts, count) : 0;
	if (at > 0) {
		ret->patronymic = patronymic_sex(&parts[at]);
		ret->first = first_sex(&parts[at - 1]);
		ret->surname = surname_sex(&parts[at == 1 ? 2 : 0]);
		return;
	}
	/* Without a patronymic only a word that is nothing but a first name says something. */
	if (count == 2 && !first_sex(&parts[0]) != !first_sex(&parts[1]))
		ret->first = first_sex(&parts[first_sex(&parts[0]) ? 0 : 1]);
}

static char sex_in(struct slice name, char (*sex)(const struct part *p))
{
	struct part parts[WORDS_MAX];
	size_t count = read_parts(name, parts);
	char found = 0;

	for (size_t i = 0; i < count && count <= WORDS_MAX && !found; i++)
		found = sex(&parts[i]);
	return found;
}

static char declared_sex(const Punnet__V1__Lead *lead)
{
	static const struct {
		const char *word;
		char sex;
	} words[] = {{"m", 'm'},   {"male", 'm'},    {"M", 'm'},   {"м", 'm'},      {"М", 'm'},
		     {"муж", 'm'}, {"мужской", 'm'}, {"f", 'f'},   {"female", 'f'}, {"F", 'f'},
		     {"ж", 'f'},   {"Ж", 'f'},       {"жен", 'f'}, {"женский", 'f'}};

	for (size_t i = 0; i < lead->n_fields; i++) {
		const Punnet__V1__Field *f = lead->fields[i];

		if (f->value_case != PUNNET__V1__FIELD__VALUE_TEXT ||
		    (strcmp(f->name, "sex") != 0 && strcmp(f->name, "gender") != 0))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(words); k++) {
			if (strcmp(f->text, words[k].word) == 0)
				return words[k].sex;
		}
	}
	return 0;
}

static void set_sex(struct facts *ret, enum fact_name fact, char sex)
{
	if (sex)
		facts_set_text(ret, fact, sex == 'm' ? SLICE("m") : SLICE("f"));
}

static void look(const struct sight *sight, struct facts *ret)
{
	struct slice names[NAME_FIELDS];
	struct sexes s = {0};

	if (!sight->contact)
		return;
	names_of(sight->contact, names);
	if (names[NAME_FIRST].len > 0 || names[NAME_LAST].len > 0) {
		s.first = sex_in(names[NAME_FIRST], first_sex);
		s.patronymic = sex_in(names[NAME_MIDDLE], patronymic_sex);
		s.surname = s.patronymic ? sex_in(names[NAME_LAST], surname_sex) : 0;
	} else {
		take_apart(names[NAME_WHOLE], &s);
	}
	set_sex(ret, FACT_FIRST_NAME_SEX, s.first);
	set_sex(ret, FACT_PATRONYMIC_SEX, s.patronymic);
	set_sex(ret, FACT_SURNAME_SEX, s.surname);
	set_sex(ret, FACT_DECLARED_SEX, declared_sex(sight->raw->lead));
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	static const enum fact_name sexes[] = {FACT_FIRST_NAME_SEX, FACT_PATRONYMIC_SEX,
					       FACT_SURNAME_SEX, FACT_DECLARED_SEX};
	struct slice first = {0}, other;
	size_t known = 0;
	bool differ = false;

	for (size_t i = 0; i < ARRAY_LEN(sexes); i++) {
		if (!facts_text(facts, sexes[i], &other))
			continue;
		differ |= known > 0 && !slice_equal(first, other);
		first = known++ == 0 ? other : first;
	}
	if (known < 2)
		return ANSWER_UNKNOWN;
	if (!differ)
		return ANSWER_PASS;

	ret->reason = REASON_NAME_PARTS_DISAGREE;
	return ANSWER_HIT;
}

const struct filter filter_name_parts = {
    .name = "name_parts",
    .help = "First name, patronymic, surname and declared sex do not belong together.",
    .action = ACTION_SCORE,
    .weight = 19,
    .local = true,
    .reasons = {REASON_NAME_PARTS_DISAGREE},
    FILTER_FACTS(FACT_FIRST_NAME_SEX, FACT_PATRONYMIC_SEX, FACT_SURNAME_SEX, FACT_DECLARED_SEX),
    .look = look,
    .judge = judge,
};
