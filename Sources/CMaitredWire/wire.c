/* SPDX-License-Identifier: Apache-2.0 */

/* The header is the module; compiling it once checks its layout assertions even when nothing else does. */
#include "maitred_wire.h"
