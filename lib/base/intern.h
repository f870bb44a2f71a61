/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_BASE_INTERN_H
#define LIB_BASE_INTERN_H

/*
 * Texts of which many are equal, kept once: for what thousands of values have in common.  Counted; not for secrets
 * (nothing is wiped), nor for more than one thread.
 */

#include "lib/base/mem.h"

/* intern(text): the one copy of ${text}, const, to be given back with intern_unref(); NULL for NULL. */
const char *intern(const char *text);

/* intern_ref(text): once more, of one that intern() returned (or NULL); returns it. */
const char *intern_ref(const char *text);

/* intern_unref(text): give it back; the last one releases it.  Returns NULL. */
const char *intern_unref(const char *text);

#endif
