// SPDX-License-Identifier: Apache-2.0
// Runs inside the image, as `node -e`: imports many entries of a package in one
// process. The first argument says how, the others what; one that fails does
// not keep the rest from being tried.
'use strict';
const [how, ...names] = process.argv.slice(1);

async function all() {
  for (const name of names) {
    try {
      if (how === 'require') {
        require(name);
      } else {
        await import(name);
      }
    } catch (error) {
      console.error(`${name}: ${error && error.message}`);
      process.exitCode = 1;
    }
  }
  console.log(names.length);
}

all();
