/* letters: the letters of names, by script and by what stays of them when case and accents are taken away. Pure; the tables
 * are small and cover the scripts in which leads come: Latin, Cyrillic, and Greek as far as it looks like them. */
#ifndef PUNNET_LETTERS_H
#define PUNNET_LETTERS_H

#include "base/slice.h"

#define LATIN_BASES        26 /* a to z */
#define CYRILLIC_BASES     32 /* а to я; ё is е */
#define LETTERS_WORD_MAX   64 /* of a word whose bases are asked for */
#define LETTERS_FOLDED_MAX (2 * LETTERS_WORD_MAX)

/* Bits, so that a word can have several. 0: not a letter. */
enum script { SCRIPT_LATIN = 1, SCRIPT_CYRILLIC = 2, SCRIPT_GREEK = 4, SCRIPT_OTHER = 8 };

/* Takes the next code point off the text; a byte that is no UTF-8 counts as one of its own, which is no letter. */
_must_use_ bool letters_next_any(struct slice *text, uint32_t *ret); /* not only the short way */
static inline bool letters_next(struct slice *text, uint32_t *ret)
{
	const uint8_t *p = (const uint8_t *)text->data;

	if (text->len < 2 || (p[0] & 0xE0) != 0xC0)
		return letters_next_any(text, ret);
	*ret = (p[0] & 0x1FU) << 6 | (p[1] & 0x3FU);
	*text = slice_of(text->data + 2, text->len - 2);
	return true;
}
/* Takes the next run of letters off the text. ret_scripts: the scripts in it. */
_must_use_ bool letters_word(struct slice *text, struct slice *ret, unsigned *ret_scripts);
/* The next two by their tables, without the short way. */
unsigned letter_script_any(uint32_t code);
unsigned letter_base_any(uint32_t code);
static inline bool letter_is_russian(uint32_t code)
{
	return code - 0x410 < 0x40;
}
static inline unsigned letter_script(uint32_t code)
{
	return letter_is_russian(code) ? (unsigned)SCRIPT_CYRILLIC : letter_script_any(code);
}
/* 1 to LATIN_BASES or CYRILLIC_BASES, within its script; 0: no base is known. É is e, Ї is и, қ is к. */
static inline unsigned letter_base(uint32_t code)
{
	return letter_is_russian(code) ? ((code - 0x410) & 31) + 1 : letter_base_any(code);
}
/* A word's letters as bases; 0: it is too long, not in one of the two scripts alone, or a letter has no base. */
size_t letters_bases(struct slice word, unsigned scripts, uint8_t ret[LETTERS_WORD_MAX]);
/* The same as text, so that words can be compared: small letters without accents, UTF-8. Returns its length in bytes. */
size_t letters_folded(struct slice word, unsigned scripts, char ret[LETTERS_FOLDED_MAX]);
/* The scripts that have a letter which looks the same (UTS #39, confusables.txt: the single letters of the three). */
unsigned letter_twins(uint32_t code);

#endif
