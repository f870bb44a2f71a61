/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"

/* What is within quotes, from the character after the opening one; NULL if they are not closed. */
static const char *split_quoted(const char *text, char quote, struct buf *word)
{
	for (; *text && *text != quote; text++) {
		if (quote == '"' && *text == '\\' && (text[1] == '"' || text[1] == '\\'))
			text++;
		buf_append_char(word, *text);
	}
	return *text ? text + 1 : NULL;
}

/* One word; where it ends, or NULL. */
static const char *split_word(const char *text, struct buf *word)
{
	while (text && *text && !strchr(" \t\r\n", *text)) {
		if (*text == '\'' || *text == '"') {
			text = split_quoted(text + 1, *text, word);
			continue;
		}
		if (*text == '\\' && *++text == '\0')
			return NULL;
		buf_append_char(word, *text++);
	}
	return text;
}

int words_split(const char *text, char ***ret_words)
{
	_cleanup_(strv_freep) char **words = NULL;

	for (text += strspn(text, " \t\r\n"); *text; text += strspn(text, " \t\r\n")) {
		_cleanup_(buf_done) struct buf word = BUF_NULL;

		text = split_word(text, &word);
		if (!text)
			return -EINVAL;
		strv_append(&words, word.data);
	}
	*ret_words = take(words);
	return 0;
}
