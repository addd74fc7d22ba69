EXTRA_DIST += %D%/README.md %D%/format %D%/install-packages %D%/kafka
