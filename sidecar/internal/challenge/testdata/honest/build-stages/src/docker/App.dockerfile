FROM busybox:1.36 AS make
ARG GREETING
RUN echo "$GREETING" > /out
FROM busybox:1.36 AS run
COPY --from=make /out /www/index.html
RUN test "$(cat /www/index.html)" = hello
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
FROM run AS never
RUN false
