/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/version.h"

const char *
version_string(void)
{
	return PACKAGE_VERSION;
}
