module github.com/dapr/durabletask-go

go 1.26.0
