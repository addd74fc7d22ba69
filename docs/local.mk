EXTRA_DIST += %D%/README.md
EXTRA_DIST += %D%/decisions/README.md
