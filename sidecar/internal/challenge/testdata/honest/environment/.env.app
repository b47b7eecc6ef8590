APP=1
# a comment
ONE="one"
REF=${ONE}
